//! From a model file that somebody made by hand on: features and tokens may be called anything.

use std::path::Path;

use super::bench::{Bench, column, config, model};
use super::markup;
use super::names::names;

/// Features of the shipped model, and tokens.
const FEATURES: usize = 14;
const TOKENS: usize = 4;

#[test]
fn names_may_be_features_and_tokens_of_a_model_file() {
    let all = names();
    let cyclic = |from: usize, count: usize| -> Vec<String> {
        (0..count)
            .map(|i| all[(from + i) % all.len()].clone())
            .collect()
    };
    for first in (0..all.len()).step_by(TOKENS) {
        let (tokens, labels) = (cyclic(first, TOKENS), cyclic(first, FEATURES));
        let bench = Bench::new(|directory| {
            model(&directory.join("m.safetensors"), &tokens, &labels);
            let text = config(&format!("run {}", tokens[0]), "path = \"m.safetensors\"");
            std::fs::write(directory.join("run.toml"), text).unwrap();
        });
        let (file, config, run) = (
            bench.text("in/m.safetensors"),
            bench.text("in/run.toml"),
            bench.text("out/run"),
        );
        let words: Vec<String> = tokens
            .iter()
            .map(|t| serde_json::to_string(t).unwrap())
            .collect();
        let mut arguments = vec!["run", &file, "--trace"];
        arguments.extend(words.iter().map(String::as_str));
        bench.ok(&arguments);
        bench.ok(&["--config", &config, "--output", &run]);
        let path = |name: &str| bench.path(&format!("out/run/{name}"));
        assert_eq!(column(&path("features.csv"), "feature"), labels);
        assert_eq!(column(&path("gram.csv"), "feature_b")[..FEATURES], labels);
        bench.ok(&["analyze", &run]);
        bench.ok(&["plot", &run, "--scale", "1"]);
        markup::figures(&path("figures"));
        bench.ok(&["report", &run]);
        markup::page(&path("report.html"), &labels);
        let exported = bench.text("out/exported");
        bench.ok(&["export", &run, "-o", &exported]);
        bench.ok(&["run", &exported, &words[0]]);
        // A table of this program, read again as the reference.
        let gram = bench.text("out/run/gram.csv");
        let said = bench.ok(&[
            "analyze",
            &run,
            "--reference",
            &gram,
            "--exclude",
            &visible_argument(&labels),
        ]);
        assert!(said.stdout.contains("reference: 1.000"), "{}", said.stdout);
    }
}

/// A label that may be an argument: one without a zero byte.
fn visible_argument(labels: &[String]) -> String {
    let label = labels
        .iter()
        .find(|l| !l.contains('\0') && !l.starts_with('-'));
    label.unwrap().clone()
}

/// The texts of `labels.npy`.
pub fn labels_of(path: &Path) -> Vec<String> {
    let bytes = std::fs::read(path).unwrap();
    let archive = rawzip::ZipArchive::from_slice(&bytes).unwrap();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().unwrap() {
        let name = entry
            .file_path()
            .try_normalize()
            .unwrap()
            .as_ref()
            .to_owned();
        assert!(
            ["W.npy", "G.npy", "labels.npy"].contains(&name.as_str()),
            "{name}"
        );
        if name != "labels.npy" {
            continue;
        }
        let data = archive
            .get_entry(entry.wayfinder())
            .unwrap()
            .data()
            .to_vec();
        let length = usize::from(u16::from_le_bytes([data[8], data[9]]));
        let head = std::str::from_utf8(&data[10..10 + length]).unwrap();
        let letters: usize = head
            .split_once("<U")
            .unwrap()
            .1
            .split_once('\'')
            .unwrap()
            .0
            .parse()
            .unwrap();
        return data[10 + length..]
            .chunks(4 * letters)
            .map(|text| {
                let codes = text
                    .chunks(4)
                    .map(|c| u32::from_le_bytes(c.try_into().unwrap()));
                let text: String = codes.map(|c| char::from_u32(c).unwrap()).collect();
                text.trim_end_matches('\0').to_owned()
            })
            .collect();
    }
    panic!("no labels.npy");
}
