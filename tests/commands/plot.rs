//! `compress plot`: what is drawn, that it can be read, and what is refused.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;
use resvg::usvg;
use tracr_compress::figures::activations::{Activations, attention, stream};
use tracr_compress::figures::colour::{SERIES, diverging};
use tracr_compress::figures::scene::{Mark, Paint};
use tracr_compress::figures::{self, Figure, svg};

use crate::common::command::{self, call, snapshot};

const VERDICTS: [&str; 5] = ["dedicated", "shared", "superposed", "dropped", "unused"];

/// A run directory with tables of `n` features, written by hand.
fn run_of(directory: &Path, labels: &[String]) {
    std::fs::create_dir_all(directory).unwrap();
    let write = |name: &str, text: String| std::fs::write(directory.join(name), text).unwrap();
    let quoted = |label: &str| format!("\"{}\"", label.replace('"', "\"\""));
    let mut metrics = "step,learning_rate,loss,eval_loss,mae,max_error\n".to_owned();
    for i in 1..=40 {
        let x = f64::from(i);
        let _ = writeln!(
            metrics,
            "{},0.001,{},{},{},0.0",
            i * 1000,
            90.0 / x,
            80.0 / x,
            1.0 / x
        );
    }
    write("metrics.csv", metrics);
    let mut gram = "feature_a,feature_b,value\n".to_owned();
    let mut features = "feature,norm,dimensionality,verdict\n".to_owned();
    for (i, a) in labels.iter().enumerate() {
        for (j, b) in labels.iter().enumerate() {
            let value = if i == j {
                1.0
            } else {
                ((i * 7 + j * 7) % 13) as f64 / 13.0 - 0.5
            };
            let _ = writeln!(gram, "{},{},{value}", quoted(a), quoted(b));
        }
        let verdict = VERDICTS[i % 5];
        let _ = writeln!(
            features,
            "{},{},0.{},{verdict}",
            quoted(a),
            0.1 * (i % 12) as f64,
            i % 10
        );
    }
    write("gram.csv", gram);
    write("features.csv", features);
    write(
        "layers.csv",
        "block,mse,cosine,variance_explained\nlayer0.attn,0.0,,\nlayer0.mlp,0.1,0.98,-3.25\n\
         layer1.attn,0.1,-0.5,0.97\n"
            .into(),
    );
}

fn labels(n: usize) -> Vec<String> {
    let long = "a_variable_with_a_name_that_is_too_long_for_any_margin";
    let mut labels = vec![long.to_owned(), "a_short_one".to_owned()];
    labels.extend((0..n / 3).map(|i| format!("indices:{i}")));
    labels.push("one".into());
    labels.push("tokens:compiler_pad".into());
    let rest = n - labels.len();
    labels.extend((0..rest).map(|i| format!("tokens:{i}")));
    labels
}

/// A text of a figure, as another program sets it.
struct Text {
    text: String,
    /// What its letters cover.
    ink: usvg::Rect,
}

impl Text {
    /// Whether the letters of two texts share more than a hair in both directions.
    fn covers(&self, other: &Self) -> bool {
        let (a, b) = (self.ink, other.ink);
        a.right().min(b.right()) - a.left().max(b.left()) > 0.3
            && a.bottom().min(b.bottom()) - a.top().max(b.top()) > 0.3
    }
}

fn texts(figure: &Figure) -> Vec<Text> {
    let font = usvg::fontdb::Source::Binary(Arc::new(dejavu::sans::regular()));
    let mut options = usvg::Options {
        dpi: 72.0,
        ..usvg::Options::default()
    };
    options.fontdb_mut().load_font_source(font);
    let drawn = svg::document(&figure.scene, &figure.title, &figure.caption);
    let tree = usvg::Tree::from_str(&drawn, &options).unwrap();
    let mut texts = Vec::new();
    let mut groups = vec![tree.root()];
    while let Some(group) = groups.pop() {
        for node in group.children() {
            match node {
                usvg::Node::Group(inner) => groups.push(inner),
                usvg::Node::Text(text) => texts.push(Text {
                    text: text.chunks().iter().map(usvg::TextChunk::text).collect(),
                    ink: text.flattened().abs_bounding_box(),
                }),
                _ => {}
            }
        }
    }
    texts
}

fn has_text(figure: &Figure, text: &str) -> bool {
    texts(figure).iter().any(|found| found.text == text)
}

/// No text of a figure covers another one or is clipped.
fn assert_readable(figures: &[Figure], what: &str) {
    for figure in figures {
        let (what, scene) = (format!("{what}, {}", figure.name), &figure.scene);
        let all = texts(figure);
        assert!(!all.is_empty(), "{what}");
        for (i, text) in all.iter().enumerate() {
            let Text { text: words, ink } = text;
            let is_inside = ink.left() >= 0.0
                && ink.top() >= 0.0
                && f64::from(ink.right()) <= scene.width
                && f64::from(ink.bottom()) <= scene.height;
            assert!(is_inside, "{what}: `{words}` is clipped: {ink:?}");
            for other in &all[..i] {
                let words = [words, &other.text];
                assert!(!text.covers(other), "{what}: {words:?} cover each other");
            }
        }
    }
}

#[test]
fn figures_have_no_text_that_overlaps_or_is_clipped() {
    let dir = tempfile::tempdir().unwrap();
    for n in [5, 14, 25, 30, 31, 43, 60, 63, 100, 200] {
        let directory = dir.path().join(n.to_string());
        run_of(&directory, &labels(n));
        let drawn = figures::of_run(&directory).unwrap();
        assert_eq!(drawn.len(), 4);
        assert_readable(&drawn, &n.to_string());
        let named = |i: usize, label: &str| has_text(&drawn[i], label);
        assert!(named(2, "one") && named(2, "indices:0"));
        if n <= 60 {
            assert!(
                named(1, "indices:0") && named(1, "tokens:compiler_pad"),
                "{n}"
            );
        }
    }
}

#[test]
fn figures_escape_labels_and_are_well_formed() {
    let dir = tempfile::tempdir().unwrap();
    let evil = [
        "<script>x</script>",
        "a\"b'c&d",
        "x\u{0}\u{8}\u{1b}[31m",
        "line\nbreak",
        "\u{202e}rtl",
        "普通:é",
    ];
    run_of(dir.path(), &evil.map(String::from));
    let drawn = figures::of_run(dir.path()).unwrap();
    assert_readable(&drawn, "evil labels");
    for figure in &drawn {
        let text = svg::document(&figure.scene, &figure.title, &figure.caption);
        assert!(!text.contains("<script"), "{text}");
        let control = |c: char| c.is_control() && c != '\n';
        assert!(!text.contains(control) && !text.contains('\u{202e}'));
        well_formed(&text);
    }
    let text = svg::document(&drawn[1].scene, "", "");
    assert!(text.contains("&lt;script&gt;x&lt;/script&gt;"));
    assert!(text.contains("a&quot;b&#39;c&amp;d"));
}

/// Tags nest, attributes are quoted, and every `&` starts an entity.
fn well_formed(text: &str) {
    let mut open = Vec::new();
    for part in text.split('<').skip(1) {
        let (tag, content) = part.split_once('>').unwrap();
        assert!(!content.contains('>'), "{part}");
        for entity in content.split('&').skip(1).chain(tag.split('&').skip(1)) {
            let name = entity.split(';').next().unwrap();
            assert!(
                ["amp", "lt", "gt", "quot", "#39"].contains(&name),
                "&{entity}"
            );
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name.to_owned()));
        } else if !tag.ends_with('/') && !tag.starts_with('?') {
            open.push(tag.split(' ').next().unwrap().to_owned());
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn plot_draws_a_run_twice_with_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    command::run("frac_prevs", 200, &run, &[]);
    let path = run.display().to_string();
    let (code, stdout, stderr) = call(&["plot", &path]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    for name in ["training", "gram", "features", "layers"] {
        assert!(stdout.contains(&format!("{name}.svg")), "{stdout}");
        let png = std::fs::read(run.join(format!("figures/{name}.png"))).unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n"));
    }
    let before = snapshot(&run);
    assert_eq!(call(&["plot", &path]).0, 0);
    assert!(snapshot(&run) == before, "the same bytes");
    let other = dir.path().join("other/deep");
    let output = other.display().to_string();
    let (code, ..) = call(&["plot", &path, "--format", "svg", "-o", &output]);
    assert_eq!((code, snapshot(&other).len()), (0, 4));
    let output = dir.path().join("paper");
    let (code, stdout, _) = call(&[
        "plot",
        &path,
        "--format",
        "pdf",
        "-o",
        &output.display().to_string(),
    ]);
    assert_eq!((code, snapshot(&output).len()), (0, 4));
    for name in ["training", "gram", "features", "layers"] {
        assert!(stdout.contains(&format!("{name}.pdf")), "{stdout}");
        let pdf = std::fs::read(output.join(format!("{name}.pdf"))).unwrap();
        assert!(pdf.starts_with(b"%PDF-") && pdf.ends_with(b"%%EOF"));
    }
    // Infinite and missing values are left out, not drawn.
    let metrics = std::fs::read_to_string(run.join("metrics.csv")).unwrap();
    std::fs::write(
        run.join("metrics.csv"),
        metrics.replace(",0.", ",inf").replacen(",1", ",NaN", 1),
    )
    .unwrap();
    assert!([0, 2].contains(&call(&["plot", &path]).0));
}

#[test]
fn figures_of_a_study_come_from_either_kind_of_table() {
    let dir = tempfile::tempdir().unwrap();
    let study = dir.path().join("study");
    let mut runs =
        "run,compression.method,compression.dim,training.seed,method,eval_loss,mae\n".to_owned();
    let mut metrics = "group,d,seed,run,metric,value\n".to_owned();
    let mut verdicts = "group,d,seed,run,verdict,features\n".to_owned();
    let mut agreement = "group,d,seed_a,seed_b,correlation,correlation_off_diagonal\n".to_owned();
    for method in ["train", "pca", "random", "subset"] {
        for d in [4, 6, 8] {
            for seed in 0..3 {
                let run = format!("method={method},dim={d},seed={seed}");
                run_of(&study.join(&run), &labels(14));
                let value = if method == "subset" {
                    1e-17
                } else {
                    1.0 / f64::from(d * 10 + seed)
                };
                let _ = writeln!(
                    runs,
                    "\"{run}\",{method},{d},{seed},{method},{value},{value}"
                );
                let row = format!("compression.method={method},{d},{seed},\"{run}\"");
                let _ = writeln!(metrics, "{row},eval_loss,{value}\n{row},cosine_min,0.9");
                let _ = writeln!(verdicts, "{row},dedicated,9\n{row},dropped,5");
            }
            let _ = writeln!(agreement, "compression.method={method},{d},0,1,0.9,0.8");
        }
    }
    for (name, text) in [
        ("study_metrics.csv", metrics),
        ("study_verdicts.csv", verdicts),
        ("gram_agreement.csv", agreement),
    ] {
        std::fs::write(study.join(name), text).unwrap();
    }
    for sweep in [false, true] {
        if sweep {
            std::fs::write(study.join("runs.csv"), &runs).unwrap();
        }
        let drawn = figures::of_study(&study).unwrap();
        let names: Vec<&str> = drawn.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(
            names,
            ["metrics_by_d", "verdicts", "agreement", "gram_multiples"]
        );
        assert_readable(&drawn, "study");
        for series in ["train", "pca", "random", "subset"] {
            assert!(has_text(&drawn[0], series), "{series}");
        }
        let small = if sweep { 18 } else { 9 };
        for part in [
            "lines join the medians over seeds, and bars are the 95 % interval of the median (percentile bootstrap \
             over seeds); a baseline that does not depend on the seed has none.",
            &format!("{small} values below 10⁻⁸ stand on the line “< 10⁻⁸”."),
        ] {
            assert!(drawn[0].caption.contains(part), "{}", drawn[0].caption);
        }
        assert!(has_text(&drawn[0], "< 10⁻⁸"));
        for (figure, part) in [
            (&drawn[1], "the arithmetic mean over the runs of a row"),
            (
                &drawn[2],
                "lines join the medians. Between seeds: each point is a pair of runs with different seeds. Pairs have no interval",
            ),
        ] {
            assert!(figure.caption.contains(part), "{}", figure.caption);
        }
    }
    let (code, _, stderr) = call(&["plot", &study.display().to_string()]);
    assert_eq!((code, stderr.as_str()), (0, ""));
}

#[test]
fn figures_of_one_width_are_by_setting_in_the_studys_order() {
    let dir = tempfile::tempdir().unwrap();
    let study = dir.path();
    let mut runs = "run,training.steps,training.seed,method,eval_loss,mae\n".to_owned();
    let mut verdicts = "group,d,seed,run,verdict,features\n".to_owned();
    let mut agreement = "group,d,seed_a,seed_b,correlation,correlation_off_diagonal\n".to_owned();
    for steps in [3000, 300, 30_000] {
        for seed in 0..3 {
            let run = format!("steps={steps},seed={seed}");
            run_of(&study.join(&run), &labels(14));
            let value = 1.0 / f64::from(steps + seed);
            let _ = writeln!(runs, "\"{run}\",{steps},{seed},train,{value},{value}");
            let _ = writeln!(
                verdicts,
                "training.steps={steps},8,{seed},\"{run}\",dropped,14"
            );
        }
        let _ = writeln!(agreement, "training.steps={steps},8,0,1,0.9,0.8");
    }
    for (name, text) in [
        ("runs.csv", runs),
        ("study_verdicts.csv", verdicts),
        ("gram_agreement.csv", agreement),
    ] {
        std::fs::write(study.join(name), text).unwrap();
    }
    let drawn = figures::of_study(study).unwrap();
    let names: Vec<&str> = drawn.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "metrics_by_setting",
            "verdicts",
            "agreement",
            "gram_multiples"
        ]
    );
    assert_readable(&drawn, "study of one width");
    for figure in &drawn {
        let texts = texts(figure);
        let settings = texts.iter().filter(|t| t.text.starts_with("steps="));
        let mut settings: Vec<&str> = settings
            .map(|t| t.text.split(',').next().unwrap())
            .collect();
        settings.truncate(3);
        assert_eq!(
            settings,
            ["steps=3000", "steps=300", "steps=30000"],
            "{}",
            figure.name
        );
    }
    // The run in the middle of each setting.
    assert!(has_text(&drawn[3], "steps=300, seed 1"));
}

/// `runs.csv` of a study with the settings `key=value`, each with these errors by seed.
fn runs_of(study: &Path, key: &str, settings: &[(&str, &[&str])]) {
    let mut runs = format!("run,{key},training.seed,method,eval_loss,mae\n");
    for (value, errors) in settings {
        for (seed, error) in errors.iter().enumerate() {
            let run = format!("{value}-{seed}");
            let _ = writeln!(runs, "{run},{value},{seed},train,,{error}");
        }
    }
    std::fs::write(study.join("runs.csv"), runs).unwrap();
}

/// Centres of the points of a colour.
fn dots(figure: &Figure, paint: Paint) -> Vec<(f64, f64)> {
    let marks = figure.scene.marks.iter();
    let dots = marks.filter_map(|mark| match mark {
        Mark::Dot { x, y, fill, .. } if *fill == paint => Some((*x, *y)),
        _ => None,
    });
    dots.collect()
}

/// Corners of the bands or bars.
fn areas(figure: &Figure) -> Vec<Vec<(f64, f64)>> {
    let marks = figure.scene.marks.iter();
    let areas = marks.filter_map(|mark| match mark {
        Mark::Area { points, .. } => Some(points.clone()),
        _ => None,
    });
    areas.collect()
}

/// The report of the same runs says: "0.002 (95 % interval over 3 seeds: 0.001 to 0.3)".
#[test]
fn figure_by_setting_shows_the_median_and_interval_of_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let settings: [(&str, &[&str]); 2] = [
        ("100", &["0.5", "", "nan"]),
        ("900", &["0.001", "0.002", "0.3"]),
    ];
    runs_of(dir.path(), "training.steps", &settings);
    let figure = &figures::of_study(dir.path()).unwrap()[0];
    let points = dots(figure, SERIES[1]);
    let [.., lowest, middle, highest] = points[..] else {
        panic!("{points:?}");
    };
    let bars = areas(figure);
    let bar = bars.last().unwrap();
    assert_eq!((bar[0].0, bar[1].0), (lowest.0, highest.0));
    let stroke = figure.scene.marks.iter().rev().find_map(|mark| match mark {
        Mark::Line { points, paint, .. } if *paint == SERIES[0] => Some(points[0].0),
        _ => None,
    });
    assert_eq!(stroke, Some(middle.0));
    // A value that is missing is none; one that is not finite counts as the largest, up to the axis' end.
    assert_eq!(points.len(), 1 + 3);
    assert_eq!(bars[0][0].0, points[0].0);
    assert!(bars[0][1].0 > highest.0);
    let caption = &figure.caption;
    assert!(
        caption.contains("1 value is not finite and not drawn"),
        "{caption}"
    );
}

#[test]
fn figure_by_d_has_a_stuck_seed_as_a_point_beside_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let good: &[&str] = &["1e-4"; 10];
    let mut stuck = ["1e-4"; 10];
    stuck[3] = "0.2";
    let settings = [("8", good), ("9", &stuck), ("10", &["1e-4"])];
    runs_of(dir.path(), "compression.dim", &settings);
    let figure = &figures::of_study(dir.path()).unwrap()[0];
    assert_eq!(figure.name, "metrics_by_d");
    let points = dots(figure, SERIES[0]);
    assert_eq!(points.len(), 21);
    let is_marked = |d: &str| has_text(figure, d);
    assert!(
        ["8", "9", "10"].into_iter().all(is_marked),
        "the d that were tried"
    );
    let bottom = points[0].1;
    assert_eq!(points.iter().filter(|p| p.1 < bottom).count(), 1);
    let line = figure.scene.marks.iter().find_map(|mark| match mark {
        Mark::Line { points, paint, .. } if *paint == SERIES[0] => Some(points.clone()),
        _ => None,
    });
    let line = line.unwrap();
    assert_eq!(line.len(), 3);
    assert!(line.iter().all(|p| p.1 == bottom), "{line:?}");
    // One of ten is the median of next to no resample.
    let bars = areas(figure);
    assert_eq!(bars.len(), 2, "none where there is one run");
    for bar in bars {
        assert!(bar.iter().all(|p| p.1 == bottom), "{bar:?}");
    }
    assert!(
        figure.caption.contains("; a single run has none."),
        "{}",
        figure.caption
    );
}

/// At d = 3 one entry is 12, and others are at most 1.5.
#[test]
fn heat_maps_show_every_d_although_one_entry_is_twelve_times_as_large() {
    let study = command::root().join("results/frac_prevs_dims");
    let drawn = figures::of_study(&study).unwrap();
    assert_readable(&drawn, "published");
    let figure = drawn.iter().find(|f| f.name == "gram_multiples").unwrap();
    let mut titles = texts(figure);
    titles.retain(|title| title.text.starts_with("d = "));
    assert_eq!(titles.len(), 11);
    for title in titles {
        let middle = f64::from((title.ink.left() + title.ink.right()) / 2.0);
        let baseline = f64::from(title.ink.bottom());
        // A saturated colour: half of the limit or more.
        let strong = figure.scene.marks.iter().filter(|mark| match mark {
            Mark::Rect {
                x,
                y,
                width,
                fill: Paint::Rgb(r, g, b),
                ..
            } if *width < 20.0 && (x - middle).abs() < 58.0 => {
                (0.0..125.0).contains(&(y - baseline)) && [r, g, b].into_iter().min() < Some(&140)
            }
            _ => false,
        });
        let strong = strong.count();
        assert!(strong >= 2, "{}: {strong}", title.text);
        let is_clipped = ["d = 3,", "d = 4,", "d = 11,"];
        assert_eq!(
            title.text.contains("max"),
            is_clipped.iter().any(|d| title.text.starts_with(d)),
            "{}",
            title.text
        );
    }
}

#[test]
fn figures_of_many_series_hide_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut runs =
        "run,model.program,compression.dim,training.seed,method,eval_loss,mae\n".to_owned();
    for program in 0..8 {
        for d in [4, 6] {
            let _ = writeln!(runs, "{program}-{d},p{program},{d},0,train,0.1,0.{d}");
        }
    }
    std::fs::write(dir.path().join("runs.csv"), runs).unwrap();
    let drawn = figures::of_study(dir.path()).unwrap();
    let names: Vec<&str> = drawn.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["metrics_by_d", "metrics_by_d_2"]);
    assert_readable(&drawn, "many series");
    for program in 0..8 {
        let part = program / 6;
        let label = format!("program=p{program}");
        for (i, figure) in drawn.iter().enumerate() {
            let shown = has_text(figure, &label);
            assert_eq!(shown, i == part, "{label} in {}", figure.name);
        }
    }
    assert!(
        drawn[1].caption.ends_with("Here are series 7 to 8 of 8."),
        "{}",
        drawn[1].caption
    );
}

#[test]
fn output_directory_called_like_a_file_is_refused_unless_it_is_meant() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    run_of(&run, &labels(8));
    let run = run.display().to_string();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let (code, stdout, stderr) = call(&["plot", &run, "-o", &at("x.svg")]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    for part in [
        "called like a .svg file",
        "--format svg",
        &at("x.svg/"),
        &at("x"),
    ] {
        assert!(stderr.contains(part), "`{part}` is not in: {stderr}");
    }
    assert!(!dir.path().join("x.svg").exists());
    // The other commands that make a directory, none of which reads anything first.
    for (arguments, output) in [
        (vec!["publish", "no study", "-o"], "p.html"),
        (vec!["paper", "results", "-o"], "REPORT.md"),
        (vec!["sweep", "no study", "--output"], "runs.csv"),
        (vec!["init", "hist"], "hist.toml"),
        (vec!["man"], "compress.TXT"),
        (
            vec!["--config", "configs/frac_prevs.toml", "--output"],
            "w.safetensors",
        ),
    ] {
        let output = at(output);
        let (code, stdout, stderr) = call(&[&arguments[..], &[&output]].concat());
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains("called like a ."), "{stderr}");
        assert!(!std::path::Path::new(&output).exists(), "{output}");
    }
    // With a slash, there already, or with a number behind the dot.
    for output in ["y.svg/", "y.svg", "v0.5"] {
        let (code, _, stderr) = call(&["plot", &run, "--format", "svg", "-o", &at(output)]);
        assert_eq!(code, 0, "{output}: {stderr}");
        assert!(dir.path().join(output).is_dir(), "{output}");
    }
}

#[test]
fn plot_and_report_name_bad_tables_and_write_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display().to_string();
    let refused = |part: &str| {
        let before = snapshot(dir.path());
        for command in ["plot", "report"] {
            let (code, stdout, stderr) = call(&[command, &path]);
            assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
            assert!(stderr.contains(part), "{part}: {stderr}");
            assert_eq!(stderr.lines().count(), 1, "{stderr}");
        }
        assert!(snapshot(dir.path()) == before);
    };
    refused("holds no results to draw");
    run_of(dir.path(), &labels(14));
    let damage = |file: &str, from: &str, to: &str, part: &str| {
        let original = std::fs::read_to_string(dir.path().join(file)).unwrap();
        assert!(original.contains(from), "{file} {from}");
        std::fs::write(dir.path().join(file), original.replacen(from, to, 1)).unwrap();
        refused(part);
        std::fs::write(dir.path().join(file), original).unwrap();
    };
    damage(
        "metrics.csv",
        "loss",
        "lost",
        "metrics.csv, line 1: there is no column `loss`",
    );
    damage(
        "metrics.csv",
        "1000,0.001,90",
        "1000,0.001,ninety",
        "line 2: `loss` is `ninety`, not a number",
    );
    damage(
        "gram.csv",
        "\"one\",\"one\",1\n",
        "",
        "14 features have 196 pairs, and the file has 195",
    );
    damage(
        "gram.csv",
        "\"one\",\"one\",1\n",
        "\"one\",1\n",
        "more or fewer cells than the header",
    );
    damage(
        "features.csv",
        "dimensionality",
        "share",
        "there is no column `dimensionality`",
    );
    damage(
        "layers.csv",
        "0.98",
        "0.9.8",
        "layers.csv, line 3: `cosine` is `0.9.8`",
    );
    std::fs::remove_file(dir.path().join("features.csv")).unwrap();
    refused("features.csv is missing: `compress analyze DIR` rebuilds it");
    std::fs::write(dir.path().join("metrics.csv"), "").unwrap();
    refused("metrics.csv, line 1: the file is empty");
}

/// Activations of `n` features at `t` positions in a model of `layers` layers, as numbers of a pattern.
fn activations(n: usize, t: usize, layers: usize) -> Activations {
    let mut tokens: Vec<String> = vec!["BOS".into()];
    tokens.extend((1..t - 1).map(|i| format!("t{i}")));
    tokens.push("compiler_pad".into());
    let value = |i: usize, j: usize| match (i * 5 + j * 3) % 11 {
        0 => 1.0,
        1 => -0.5,
        _ => 0.0,
    };
    let stage = |name: String| (name, Array2::from_shape_fn((t, n), |(p, f)| value(p, f)));
    let block = |i: usize| stage(format!("layer{}.{}", i / 2, ["attn", "mlp"][i % 2]));
    let head = |i: usize| {
        let weights =
            Array2::from_shape_fn((t, t), |(q, k)| if q == (k + i) % t { 1.0 } else { 0.0 });
        (format!("layer{i}.attn head 0"), weights)
    };
    Activations {
        model: "the compiled model of test".into(),
        input: "t1 t2".into(),
        features: labels(n),
        tokens,
        stream: [stage("embedding".into())]
            .into_iter()
            .chain((0..2 * layers).map(block))
            .collect(),
        attention: (0..layers).map(head).collect(),
    }
}

#[test]
fn figures_of_an_input_have_no_text_that_overlaps_or_is_clipped() {
    for (n, t, layers) in [
        (14, 6, 2),
        (25, 6, 2),
        (55, 11, 4),
        (55, 3, 7),
        (120, 12, 3),
        (14, 60, 1),
    ] {
        let activations = activations(n, t, layers);
        let drawn = [attention(&activations).unwrap(), stream(&activations)];
        let what = format!("{n} features, {t} positions, {layers} layers");
        assert_readable(&drawn, &what);
        for (title, _) in &activations.attention {
            assert!(has_text(&drawn[0], title), "{what}: {title}");
        }
        for (title, _) in &activations.stream {
            assert!(has_text(&drawn[1], title), "{what}: {title}");
        }
        if n <= 60 {
            assert!(has_text(&drawn[1], "indices:0"), "{what}");
        }
    }
}

#[test]
fn a_model_a_program_and_a_run_are_drawn_on_an_input() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    command::run("sort_unique", 50, &run, &[]);
    let run = run.display().to_string();
    let model = "models/sort_unique.safetensors";
    for (name, arguments) in [
        ("model", vec![model]),
        ("program", vec!["sort_unique"]),
        ("compressed", vec![model, "--projection", &run]),
        ("of_run", vec![&run]),
    ] {
        let output = dir.path().join(name).display().to_string();
        let rest = ["--input", "3 1 2", "-o", &output];
        let (code, stdout, stderr) = call(&[&["plot"], &arguments[..], &rest].concat());
        assert_eq!((code, stderr.as_str()), (0, ""));
        for file in ["attention", "residual_stream"] {
            assert!(stdout.contains(&format!("{file}.png")), "{stdout}");
            let text =
                std::fs::read_to_string(dir.path().join(name).join(format!("{file}.svg"))).unwrap();
            well_formed(&text);
            assert!(text.contains("on the input 3 1 2"), "{text}");
            let compressed = ["compressed", "of_run"].contains(&name);
            assert_eq!(text.contains("compressed to d = 12"), compressed, "{name}");
            assert_eq!(text.contains(">compiler_pad<"), compressed, "{name}");
        }
    }
    // A run is its model through its W.
    for file in ["attention.svg", "residual_stream.png"] {
        let drawn = |name: &str| std::fs::read(dir.path().join(name).join(file)).unwrap();
        assert!(drawn("compressed") == drawn("of_run"), "{file}");
        assert!(drawn("model") == drawn("program"), "{file}");
        assert!(drawn("model") != drawn("of_run"), "{file}");
    }
}

#[test]
fn an_input_that_cannot_be_drawn_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("out").display().to_string();
    let model = "models/sort_unique.safetensors";
    for (arguments, part) in [
        (vec![model, "--input", "3 q"], "unknown token `q`"),
        (vec![model, "--input", ""], "the input is empty"),
        (vec![model, "--input", "3 3"], "occurs more than once"),
        (vec!["no_such.rasp", "--input", "3"], "cannot read"),
        (vec!["results", "--input", "3"], "is not a run directory"),
        (vec![model], "--input says on which tokens"),
        (vec![model, "--projection", "x"], "--input"),
    ] {
        let arguments = [&["plot"], &arguments[..], &["-o", &output]].concat();
        let (code, stdout, stderr) = call(&arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
        assert!(stderr.contains(part), "{part}: {stderr}");
        assert!(!Path::new(&output).exists());
    }
}

#[test]
fn the_stream_of_an_input_is_drawn_number_by_number() {
    let features = ["tokens:a", "is_x", "one"].map(String::from).to_vec();
    let of = |values: [[f64; 3]; 2]| Array2::from_shape_fn((2, 3), |(p, f)| values[p][f]);
    let activations = Activations {
        model: "m".into(),
        input: "a".into(),
        features,
        tokens: vec!["BOS".into(), "a".into()],
        stream: vec![
            ("embedding".into(), of([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0]])),
            ("layer0.mlp".into(), of([[0.0, -0.5, 1.0], [1.0, 9.0, 1.0]])),
        ],
        attention: Vec::new(),
    };
    assert!(attention(&activations).is_none());
    let figure = stream(&activations);
    let cells = |wanted: f64| {
        let wanted = diverging(wanted);
        let marks = figure.scene.marks.iter();
        let is_cell = |mark: &&Mark| matches!(mark, Mark::Rect { fill, width, .. } if *fill == wanted && *width > 9.0);
        marks.filter(is_cell).count()
    };
    // The program's variable first, the colours up to 1: 9 is as dark, and marked.
    assert_eq!((cells(1.0), cells(-0.5)), (7, 1));
    let dots = figure
        .scene
        .marks
        .iter()
        .filter(|mark| matches!(mark, Mark::Dot { .. }));
    assert_eq!(dots.count(), 1 + 1);
    assert!(
        figure
            .caption
            .contains("ends at ±1, and a white dot marks each cell beyond it (1 cell"),
        "{}",
        figure.caption
    );
}
