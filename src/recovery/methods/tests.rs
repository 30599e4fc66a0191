use ndarray::{Array1, Array2, array};
use rand::RngExt;

use super::choice::{Attempt, ENOUGH, first_that_explains, lambdas};
use super::{Constant, Method, Settings, find};
use crate::recovery::dictionary::{Dictionary, Encoder};
use crate::recovery::rows::Rows;
use base::rng::{Purpose, normal, stream};

/// Unit atoms `[m, d]`, and rows with one or two of them, each between 0.5 and 1.5, beside an offset.
fn planted(m: usize, d: usize, n: usize, seed: u64) -> (Array2<f64>, Rows) {
    let mut rng = stream(seed, Purpose::Init);
    let mut atoms = normal(&mut rng, (m, d), 1.0);
    for mut atom in atoms.rows_mut() {
        let length = atom.dot(&atom).sqrt();
        atom /= length;
    }
    let mut z = Array2::from_elem((n, d), 0.7);
    for mut row in z.rows_mut() {
        for _ in 0..rng.random_range(1..=2) {
            let size = rng.random_range(0.5..1.5);
            row.scaled_add(size, &atoms.row(rng.random_range(0..m)));
        }
    }
    let weights = Array1::from_shape_fn(n, |i| 1.0 + (i % 3) as f64);
    let weights = &weights / weights.sum();
    (atoms, Rows { z, weights })
}

fn settings(method: Method, atoms: usize) -> Settings {
    Settings {
        method,
        atoms,
        lambda: None,
        k: None,
    }
}

/// For each true atom the largest |cosine| with one that was found.
fn cosines(truth: &Array2<f64>, found: &Array2<f64>) -> Vec<f64> {
    let cosine = |a: ndarray::ArrayView1<'_, f64>, b: ndarray::ArrayView1<'_, f64>| {
        a.dot(&b).abs() / (a.dot(&a) * b.dot(&b)).sqrt().max(1e-300)
    };
    let best = |t: ndarray::ArrayView1<'_, f64>| {
        let all = found.rows().into_iter().map(|f| cosine(t, f));
        all.fold(0.0, f64::max)
    };
    truth.rows().into_iter().map(best).collect()
}

#[test]
fn planted_atoms_are_found_where_rows_are_sparse_and_more_so_than_by_chance() {
    let (truth, rows) = planted(9, 6, 400, 1);
    let share = |method| {
        let found = find(&rows, &settings(method, 9), 0, 2, &mut |_| {}).unwrap();
        let cosines = cosines(&truth, &found.dictionary.atoms);
        let right = cosines.iter().filter(|c| **c >= 0.9).count();
        (right, found.facts)
    };
    let (nnsc, facts) = share(Method::Nnsc);
    assert_eq!(nnsc, 9, "{facts:?}");
    assert!(facts.fit.explained_variance >= ENOUGH && facts.enough == Some(true));
    assert!(facts.fit.l0 < 3.0, "{facts:?}");
    let (l1, facts) = share(Method::L1Sae);
    assert!(l1 >= 7, "{l1}: {facts:?}");
    assert!(facts.fit.explained_variance >= ENOUGH);
    let (random, facts) = share(Method::Random);
    assert!(random < nnsc, "{random}: {facts:?}");
    let (pca, facts) = share(Method::Pca);
    assert!(pca < 3, "{pca}");
    approx::assert_abs_diff_eq!(facts.fit.explained_variance, 1.0, epsilon = 1e-9);
}

#[test]
fn topk_keeps_as_many_codes_as_it_says_and_no_more_than_it_needs() {
    let (_, rows) = planted(9, 6, 300, 2);
    let found = find(&rows, &settings(Method::TopkSae, 9), 1, 2, &mut |_| {}).unwrap();
    let k = found.facts.k.unwrap();
    let codes = found.dictionary.reconstruct(&rows).codes;
    let active = |row: ndarray::ArrayView1<'_, f64>| row.iter().filter(|x| **x > 0.0).count();
    assert_eq!(codes.rows().into_iter().map(active).max(), Some(k));
    let fewer = Settings {
        k: Some(k - 1),
        ..settings(Method::TopkSae, 9)
    };
    let fewer = find(&rows, &fewer, 1, 2, &mut |_| {}).unwrap().facts;
    assert_eq!((fewer.k, fewer.enough), (Some(k - 1), None));
    assert!(fewer.fit.explained_variance < ENOUGH, "{fewer:?}");
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let (_, rows) = planted(6, 4, 60, 3);
    for (_, method) in Method::ALL {
        // Chosen for one of them: several values side by side.
        let settings = Settings {
            lambda: (method == Method::Nnsc).then_some(0.3),
            k: Some(2),
            ..settings(method, 6)
        };
        let with = |threads, seed| {
            let mut tried = Vec::new();
            let mut watch = |t: &super::Tried| tried.push(t.value.clone());
            let found = find(&rows, &settings, seed, threads, &mut watch).unwrap();
            (found, tried)
        };
        let one = with(1, 4);
        for threads in [2, 3] {
            assert_eq!(with(threads, 4), one, "{}", method.name());
        }
        let other = with(1, 5).0;
        assert_eq!(other.dictionary == one.0.dictionary, method == Method::Pca);
    }
}

#[test]
fn the_sparsest_value_that_explains_enough_is_kept_and_the_best_one_where_none_does() {
    // One atom along the first axis; the second coordinate is left over.
    let rows = |other: f64| Rows {
        z: array![[1.0, 0.0], [-1.0, 0.0], [0.0, other], [0.0, -other]],
        weights: array![0.25, 0.25, 0.25, 0.25],
    };
    let run = |value: f64, start: u32| Attempt {
        dictionary: Dictionary {
            atoms: array![[1.0, 0.0]],
            // The error of the offset stands for what a penalty costs; a start with a lower objective is better.
            bias: array![0.0, value + f64::from(start)],
            encoder: Encoder::Projection,
        },
        objective: Some(f64::from((start + 1) % 3)),
        fit: None,
    };
    for threads in [1, 2, 5] {
        let mut told = Vec::new();
        let mut started = Vec::new();
        let mut tell = |value: &f64, kept: &Attempt, (start, starts): (u32, u32)| {
            started.push((*value, start));
            if start == starts {
                told.push((*value, kept.dictionary.bias[1], kept.objective.unwrap()));
            }
        };
        // The third start has the objective 0: its offset is value + 2.
        let values = [0.0, -1.5, -1.95, -1.999];
        let (value, enough, kept) =
            first_that_explains(&rows(0.01), &values, 3, threads, run, &mut tell);
        assert_eq!((value, enough), (-1.95, true));
        assert!(kept.fit.unwrap().explained_variance >= ENOUGH);
        let expected = [(0.0, 2.0), (-1.5, 0.5), (-1.95, 2.0 - 1.95)];
        assert_eq!(told, expected.map(|(value, bias)| (value, bias, 0.0)));
        let all = expected
            .iter()
            .flat_map(|(value, _)| (1..=3).map(move |start| (*value, start)));
        assert!(started.into_iter().eq(all));
        let none = first_that_explains(&rows(1.0), &values, 3, threads, run, &mut |_, _, _| {});
        assert_eq!((none.0, none.1), (-1.999, false));
    }
}

#[test]
fn penalties_fall_by_the_square_root_of_two() {
    let all = lambdas();
    assert_eq!(
        (all.len(), all[0], all[2], all[14]),
        (15, 1.0, 0.5, 1.0 / 128.0)
    );
    for two in all.windows(2) {
        approx::assert_abs_diff_eq!(two[0] / two[1], 2.0_f64.sqrt(), epsilon = 1e-12);
    }
}

#[test]
fn rows_that_do_not_vary_are_refused_and_few_rows_are_enough() {
    let constant = Rows {
        z: Array2::from_elem((1, 3), 0.1),
        weights: array![1.0],
    };
    let two = Rows {
        z: array![[1.0, 2.0], [3.0, 2.0]],
        weights: array![0.5, 0.5],
    };
    for (_, method) in Method::ALL {
        let none = find(&constant, &settings(method, 4), 0, 1, &mut |_| {});
        assert_eq!(none.err(), Some(Constant));
        let found = find(&two, &settings(method, 4), 0, 1, &mut |_| {}).unwrap();
        assert!(
            found.facts.fit.explained_variance > 0.5,
            "{:?}",
            found.facts
        );
        let codes = found.dictionary.reconstruct(&two).codes;
        assert!(codes.iter().all(|x| x.is_finite()));
    }
}

#[test]
fn names_are_those_of_the_command_line() {
    for (name, method) in Method::ALL {
        assert_eq!((Method::named(name), method.name()), (Some(method), name));
    }
    assert_eq!(Method::named("ica"), None);
}
