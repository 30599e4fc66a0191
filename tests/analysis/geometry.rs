//! Hand-made `W` with known answers: geometry and verdicts.

use super::*;

/// Judges hand-made features: `values` `[rows, D]` are what the compiled model has, `w` is `[d, D]`,
/// `read` says which features count.
fn judged(values: &Array2<f64>, w: &Array2<f64>, read: Vec<bool>) -> (Vec<FeatureReport>, Budget) {
    let mut model = shipped("frac_prevs");
    model.metadata.residual_labels = (0..w.ncols()).map(|i| format!("f:{i}")).collect();
    let structure = Structure {
        variables: Vec::new(),
        written: Vec::new(),
        read,
    };
    let settings = Settings::default();
    let activity = Activity::of_values(values, settings.active_above);
    judge(
        &model,
        w.t().dot(w).view(),
        &structure,
        &activity,
        &settings,
    )
}

fn verdicts(features: &[FeatureReport]) -> Vec<Verdict> {
    features.iter().map(|f| f.verdict).collect()
}

/// Exactly one of `n` features at a time.
fn one_at_a_time(n: usize) -> Array2<f64> {
    Array2::eye(n)
}

#[test]
fn verdict_of_a_subset_is_dedicated_and_of_the_rest_dropped() {
    let w = array![[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
    let (features, budget) = judged(&one_at_a_time(4), &w, vec![true, true, true, false]);
    assert_eq!(
        verdicts(&features),
        [Dedicated, Dropped, Dedicated, Dropped]
    );
    for (f, (norm, d)) in features
        .iter()
        .zip([(1.0, 1.0), (0.0, 0.0), (1.0, 1.0), (0.0, 0.0)])
    {
        assert_abs_diff_eq!(f.geometry.norm, norm, epsilon = 1e-6);
        assert_abs_diff_eq!(f.geometry.dimensionality, d, epsilon = 1e-6);
        assert_eq!(f.partner, None);
    }
    // Thresholds 0.25 on the norm and 0.9 on the dimensionality.
    assert_abs_diff_eq!(features[0].margin, 0.1, epsilon = 1e-6);
    assert_abs_diff_eq!(features[1].margin, 0.25, epsilon = 1e-6);
    let expected = Budget {
        deletion: 1.0,
        deletion_of_unused: 1.0,
        ..Budget::default()
    };
    assert_eq!(budget, expected);
    assert_eq!(budget.verdict(), "deletion");
}

#[test]
fn verdict_of_an_antipodal_pair_is_superposed() {
    let w = array![[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]];
    let (features, budget) = judged(&one_at_a_time(3), &w, vec![true; 3]);
    assert_eq!(verdicts(&features), [Superposed, Superposed, Dedicated]);
    for (i, partner) in [(0, "f:1"), (1, "f:0")] {
        assert_abs_diff_eq!(features[i].geometry.dimensionality, 0.5, epsilon = 1e-6);
        assert_abs_diff_eq!(
            features[i].geometry.strongest.unwrap().1,
            -1.0,
            epsilon = 1e-6
        );
        assert_eq!(features[i].partner.as_deref(), Some(partner));
    }
    assert_abs_diff_eq!(budget.superposition, 1.0, epsilon = 1e-6);
    assert_abs_diff_eq!(budget.total(), 1.0, epsilon = 1e-6);
    assert_eq!(budget.verdict(), "superposition");
}

#[test]
fn verdict_of_a_pentagon_is_superposed_with_two_fifths_of_a_dimension() {
    let angle = |i: usize| std::f64::consts::TAU * i as f64 / 5.0;
    let w = Array2::from_shape_fn((2, 5), |(k, i)| {
        if k == 0 {
            angle(i).cos()
        } else {
            angle(i).sin()
        }
    });
    let (features, budget) = judged(&one_at_a_time(5), &w, vec![true; 5]);
    for f in &features {
        assert_eq!(f.verdict, Superposed);
        assert_abs_diff_eq!(f.geometry.norm, 1.0, epsilon = 1e-6);
        assert_abs_diff_eq!(f.geometry.dimensionality, 0.4, epsilon = 1e-6);
        // cos 144 degrees.
        assert_abs_diff_eq!(f.geometry.strongest.unwrap().1, -0.809_017, epsilon = 1e-6);
        assert_abs_diff_eq!(f.margin, 0.5, epsilon = 1e-6);
    }
    assert_abs_diff_eq!(budget.superposition, 3.0, epsilon = 1e-6);
}

#[test]
fn verdict_of_a_duplicate_is_shared() {
    // Feature 1 duplicates 0 on the same direction; 2 says the opposite of 0 (redundant, never
    // together); 3 is never active and lies across 4; 5 is active, but nothing reads it.
    let values = array![
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0, 0.0, 0.0, 1.0],
        [1.0, 1.0, 0.0, 0.0, 0.0, 0.0],
    ];
    let w = array![
        [1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    ];
    let read = vec![true, true, true, true, true, false];
    let (features, budget) = judged(&values, &w, read);
    assert_eq!(
        verdicts(&features),
        [Shared, Shared, Shared, Unused, Dedicated, Unused]
    );
    for f in &features[..3] {
        assert_abs_diff_eq!(f.geometry.dimensionality, 1.0 / 3.0, epsilon = 1e-6);
    }
    // Half a dimension by the formula, a whole one among the features that ever occur.
    assert_abs_diff_eq!(features[4].geometry.dimensionality, 0.5, epsilon = 1e-6);
    assert_abs_diff_eq!(features[4].dimensionality_active, 1.0, epsilon = 1e-6);
    assert_abs_diff_eq!(budget.sharing, 2.0, epsilon = 1e-6);
    assert_abs_diff_eq!(budget.idle, 1.0, epsilon = 1e-6);
    assert_eq!(budget.superposition, 0.0);
    assert_eq!(budget.verdict(), "sharing");
    assert_eq!(features[3].active_share, 0.0);
    assert_eq!(features[3].mean_active, None);
}

#[test]
fn verdict_of_the_published_heat_map_is_as_the_paper_describes_it() {
    let model = shipped("frac_prevs");
    let labels = &model.metadata.residual_labels;
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/published_gram_frac_prevs_d8.csv"
    );
    let mut gram = Array2::<f64>::zeros((14, 14));
    for row in csv::Reader::from_path(path).unwrap().records() {
        let row = row.unwrap();
        let at = |label: &str| labels.iter().position(|l| l == label).unwrap();
        gram[[at(&row[0]), at(&row[1])]] = row[2].parse().unwrap();
    }
    let space = space(&model);
    let inputs = EvaluationSet::new(&space, 1);
    let settings = Settings::default();
    let frozen = Frozen::<f64>::new(&model);
    let activity = Activity::measure(&frozen, &space, &inputs, settings.active_above, 1);
    let structure = Structure::new(&model);
    let (features, budget) = judge(&model, gram.view(), &structure, &activity, &settings);
    let report = |label: &str| features.iter().find(|f| f.feature == label).unwrap();
    assert_eq!(report("frac_prevs").verdict, Dedicated);
    for label in ["tokens:x", "is_x"] {
        assert_eq!(report(label).verdict, Shared, "{label}");
    }
    assert_eq!(report("is_x").partner.as_deref(), Some("tokens:x"));
    let dropped = [
        "tokens:a",
        "tokens:b",
        "tokens:c",
        "tokens:compiler_pad",
        "one",
    ];
    for label in dropped {
        assert_eq!(report(label).verdict, Dropped, "{label}");
        println!("{label}: {:.3} from the threshold", report(label).margin);
    }
    for i in 0..5 {
        let index = report(&format!("indices:{i}"));
        assert_eq!(index.verdict, Superposed);
        println!("indices:{i}: {:.3} from the threshold", index.margin);
    }
    // Four dropped features were of no use, `one` was.
    assert_eq!((budget.deletion, budget.deletion_of_unused), (1.0, 4.0));
}
