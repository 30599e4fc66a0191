//! A circuit as a file: a list of edges, as CSV or JSON.
//!
//! | format | content |
//! |---|---|
//! | CSV | a header with `from`, `to` and, if there are any, `score` and `in_graph` |
//! | JSON, ours | an object with `edges`, a list of objects with the same keys; `effect` stands for a missing `score` |
//! | JSON, EAP-IG and MIB | an object with `edges`, an object of `"a->b": {"score": …, "in_graph": …}` |
//! | JSON, ACDC | a list of `[[receiver, index, sender, index], effect]`, what its `save_edges` pickles |

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use thiserror::Error;

use base::content::Content;
use base::escape;
use base::files::{self, FileError};
use base::limits;

/// One edge of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where it stands, for messages: `line 3`, or `edge 3`.
    pub place: String,
    /// The sender's name.
    pub from: String,
    /// The receiver's name.
    pub to: String,
    /// How much it is said to matter.
    pub score: Option<f64>,
    /// Whether it belongs to the circuit.
    pub in_graph: Option<bool>,
}

/// Why a list cannot be used.
#[derive(Debug, Error)]
pub enum ListError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not what a list is.
    #[error("{}{}: {problem}", escape::path(path), place.as_ref().map_or_else(String::new, |p| format!(", {p}")))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where, if at one place.
        place: Option<String>,
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// What is said of the file that ACDC's `save_edges` writes.
const PICKLE: &str = "it is a Python pickle, which is a program and is not read; the lines of Python in docs/circuits.md, \"Formats\", \
     write ACDC's list as JSON";

/// A problem at a place.
type Problem = (Option<String>, String);

/// Reads a list; which of the formats it has is told from its content.
///
/// # Errors
/// If it has none of them, no edge, or a score that is no finite number.
pub fn read(path: &Path) -> Result<Vec<Entry>, ListError> {
    let wrong = |(place, problem)| ListError::Wrong {
        path: path.to_owned(),
        place,
        problem,
    };
    let text = files::read_text(path, limits::TABLE_BYTES).map_err(|e| match e.not_text() {
        Some(Content::Pickle) => wrong((None, PICKLE.into())),
        _ => ListError::File(e),
    })?;
    let entries = if text.trim_start().starts_with(['{', '[']) {
        of_json(&text)
    } else {
        of_csv(&text)
    };
    let entries = entries.map_err(wrong)?;
    if entries.is_empty() {
        return Err(wrong((None, "it has no edges".into())));
    }
    Ok(entries)
}

fn of_csv(text: &str) -> Result<Vec<Entry>, Problem> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let line = |position: Option<&csv::Position>| position.map(|p| format!("line {}", p.line()));
    let broken = |e: csv::Error| {
        (
            line(e.position()),
            format!("this is not a row of the table: {e}"),
        )
    };
    let header = reader.headers().map_err(broken)?.clone();
    let column = |name: &str| header.iter().position(|cell| cell == name);
    let (Some(from), Some(to)) = (column("from"), column("to")) else {
        return Err((
            Some("line 1".into()),
            "a list of edges has a header with the columns from and to, and score or in_graph where there are any".into(),
        ));
    };
    let (score, in_graph) = (column("score"), column("in_graph"));
    let mut entries = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let place = line(record.position()).unwrap_or_default();
        let at = |problem: String| (Some(place.clone()), problem);
        let cell = |column: Option<usize>| {
            let cell = column.and_then(|column| record.get(column));
            cell.filter(|cell| !cell.is_empty())
        };
        let number = |text: &str| match text.parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(x),
            _ => Err(at(format!(
                "the score {} is not a finite number",
                escape::name(text)
            ))),
        };
        let flag = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(at(format!(
                "in_graph is {}, not true or false",
                escape::name(text)
            ))),
        };
        entries.push(Entry {
            from: cell(Some(from)).unwrap_or_default().to_owned(),
            to: cell(Some(to)).unwrap_or_default().to_owned(),
            score: cell(score).map(number).transpose()?,
            in_graph: cell(in_graph).map(flag).transpose()?,
            place,
        });
    }
    Ok(entries)
}

fn of_json(text: &str) -> Result<Vec<Entry>, Problem> {
    let json: Json = serde_json::from_str(text).map_err(|e| {
        // `NaN` is what Python writes for a score that is none.
        let hint = if text.contains("NaN") || text.contains("Infinity") {
            "; NaN and Infinity are no JSON, and no scores"
        } else {
            ""
        };
        (
            Some(format!("line {}", e.line())),
            format!("this is not JSON: {e}{hint}"),
        )
    })?;
    let number = |i: usize| format!("edge {}", i + 1);
    match (&json, json.get("edges")) {
        (_, Some(Json::Array(edges))) => {
            let edges = edges.iter().enumerate();
            edges.map(|(i, edge)| of_object(number(i), edge)).collect()
        }
        (_, Some(Json::Object(edges))) => edges
            .iter()
            .map(|(name, edge)| {
                let place = format!("edge {}", escape::name(name));
                let Some((from, to)) = name.split_once("->") else {
                    return Err((
                        Some(place),
                        "the name of an edge is of the form sender->receiver".into(),
                    ));
                };
                scored(place, (from, to), edge)
            })
            .collect(),
        (Json::Array(edges), _) => {
            let edges = edges.iter().enumerate();
            edges
                .map(|(i, edge)| match edge {
                    Json::Array(parts) => of_acdc(number(i), parts),
                    _ => of_object(number(i), edge),
                })
                .collect()
        }
        _ => Err((
            None,
            "it is JSON, but no list of edges: neither an object with `edges` nor a list".into(),
        )),
    }
}

/// `{"from": …, "to": …, "score": …}`.
fn of_object(place: String, edge: &Json) -> Result<Entry, Problem> {
    match (
        edge.get("from").and_then(Json::as_str),
        edge.get("to").and_then(Json::as_str),
    ) {
        (Some(from), Some(to)) => scored(place, (from, to), edge),
        _ => Err((
            Some(place),
            "an edge is an object with the texts `from` and `to`".into(),
        )),
    }
}

fn scored(place: String, (from, to): (&str, &str), edge: &Json) -> Result<Entry, Problem> {
    let score = edge.get("score").or_else(|| edge.get("effect"));
    let in_graph = match edge.get("in_graph") {
        None | Some(Json::Null) => None,
        Some(Json::Bool(flag)) => Some(*flag),
        Some(other) => {
            return Err((
                Some(place),
                format!("in_graph is {}, not true or false", shown(other)),
            ));
        }
    };
    Ok(Entry {
        score: finite(&place, score)?,
        from: from.trim().to_owned(),
        to: to.trim().to_owned(),
        in_graph,
        place,
    })
}

/// `[[receiver, index, sender, index], effect]`: ACDC names the receiver first.
fn of_acdc(place: String, parts: &[Json]) -> Result<Entry, Problem> {
    let ends = match parts {
        [Json::Array(ends), ..] if parts.len() <= 2 => ends.as_slice(),
        _ => parts,
    };
    let [Json::String(to), to_index, Json::String(from), from_index] = ends else {
        return Err((
            Some(place),
            "an edge in a list is [[receiver, index, sender, index], effect], as ACDC has it, or an object with `from` and \
             `to`"
                .into(),
        ));
    };
    let effect = if ends.len() == parts.len() {
        None
    } else {
        parts.get(1)
    };
    Ok(Entry {
        score: finite(&place, effect)?,
        from: indexed(from, from_index),
        to: indexed(to, to_index),
        in_graph: None,
        place,
    })
}

/// A hook with its index, `[null, null, 3]` or a text such as `[:, :, 3]`.
fn indexed(hook: &str, index: &Json) -> String {
    match index {
        Json::String(text) => format!("{hook}{text}"),
        Json::Array(parts) => {
            let parts: Vec<String> = parts
                .iter()
                .map(|part| {
                    if part.is_null() {
                        ":".into()
                    } else {
                        shown(part)
                    }
                })
                .collect();
            format!("{hook}[{}]", parts.join(", "))
        }
        _ => hook.to_owned(),
    }
}

fn finite(place: &str, score: Option<&Json>) -> Result<Option<f64>, Problem> {
    match score {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Bool(flag)) => Ok(Some(f64::from(u8::from(*flag)))),
        Some(other) => match other.as_f64().filter(|x| x.is_finite()) {
            Some(x) => Ok(Some(x)),
            None => Err((
                Some(place.to_owned()),
                format!("the score {} is not a finite number", shown(other)),
            )),
        },
    }
}

fn shown(json: &Json) -> String {
    escape::name(&json.to_string()).chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(text: &str) -> Vec<(String, String, Option<f64>, Option<bool>)> {
        let entries = if text.starts_with(['{', '[']) {
            of_json(text)
        } else {
            of_csv(text)
        };
        let entries = entries.unwrap().into_iter();
        entries
            .map(|e| (e.from, e.to, e.score, e.in_graph))
            .collect()
    }

    fn problem(text: &str) -> String {
        let entries = if text.starts_with(['{', '[']) {
            of_json(text)
        } else {
            of_csv(text)
        };
        let (place, problem) = entries.unwrap_err();
        format!("{}: {problem}", place.unwrap_or_default())
    }

    #[test]
    fn every_format_says_the_same() {
        let expected = vec![
            (
                "m0".to_owned(),
                "a1.h0<q>".to_owned(),
                Some(-0.5),
                Some(true),
            ),
            (
                "input".to_owned(),
                "logits".to_owned(),
                Some(0.25),
                Some(false),
            ),
        ];
        for text in [
            "from,to,score,in_graph\nm0,a1.h0<q>,-0.5,true\ninput, logits ,0.25,False\n",
            "\u{feff}in_graph,score,to,from\n1,-0.5,a1.h0<q>,m0\n0,2.5e-1,logits,input\n",
            r#"{"edges": [{"from": "m0", "to": "a1.h0<q>", "score": -0.5, "effect": 7, "in_graph": true},
                          {"from": "input", "to": "logits", "effect": 0.25, "in_graph": false}]}"#,
            r#"{"cfg": {"n_layers": 2}, "nodes": {"m0": {"in_graph": true}},
                "edges": {"m0->a1.h0<q>": {"score": -0.5, "in_graph": true}, "input->logits": {"score": 0.25, "in_graph": false}}}"#,
        ] {
            assert_eq!(edges(text), expected, "{text}");
        }
        let acdc = r#"[[["blocks.1.hook_q_input", [null, null, 0], "blocks.0.hook_mlp_out", [null]], -0.5],
                       ["logits", "[:]", "input", "[:]"]]"#;
        let hooks = |from: &str, to: &str, score| (from.to_owned(), to.to_owned(), score, None);
        assert_eq!(
            edges(acdc),
            [
                hooks(
                    "blocks.0.hook_mlp_out[:]",
                    "blocks.1.hook_q_input[:, :, 0]",
                    Some(-0.5)
                ),
                hooks("input[:]", "logits[:]", None),
            ]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, expected) in [
            (
                "sender,receiver\na,b\n",
                "line 1: a list of edges has a header",
            ),
            (
                "from,to,score\na,b,nan\n",
                "line 2: the score nan is not a finite number",
            ),
            ("from,to,score\na,b,1\na,b\n", "line 3: this is not a row"),
            (
                "from,to,in_graph\na,b,perhaps\n",
                "line 2: in_graph is perhaps",
            ),
            (
                r#"{"edges": [{"from": "a"}]}"#,
                "edge 1: an edge is an object",
            ),
            (r#"{"edges": {"a,b": {}}}"#, "edge a,b: the name of an edge"),
            (
                r#"{"edges": {"a->b": {"score": "1"}}}"#,
                "edge a->b: the score",
            ),
            (
                r#"{"edges": {"a->b": {"in_graph": 1}}}"#,
                "edge a->b: in_graph is 1",
            ),
            (
                r#"{"edges": {"a->b": {"score": NaN}}}"#,
                "line 1: this is not JSON",
            ),
            (r#"{"nodes": {}}"#, ": it is JSON, but no list of edges"),
            (r#"[["a", "b"]]"#, "edge 1: an edge in a list is"),
        ] {
            let found = problem(text);
            assert!(found.starts_with(expected), "{text}: {found}");
        }
    }

    #[test]
    fn a_pickle_is_named_with_what_makes_json_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("edges.pkl");
        std::fs::write(&path, b"\x80\x04\x95\x1a\0\0\0\0\0\0\0]\x94.").unwrap();
        let problem = read(&path).unwrap_err().to_string();
        assert!(
            problem.contains("a Python pickle") && problem.contains("docs/circuits.md"),
            "{problem}"
        );
        std::fs::write(&path, b"\x93NUMPY\x01\0v\0{'descr'").unwrap();
        let problem = read(&path).unwrap_err().to_string();
        assert!(problem.contains("a NumPy array"), "{problem}");
    }
}
