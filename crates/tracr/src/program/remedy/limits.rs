//! What a program lacks or has too much of, beside its expressions.

use super::Candidates;
use super::edit::Remedy;
use crate::rasp::graph::{Kind, NodeId};

impl Candidates<'_> {
    /// Half the length, a quarter, and so on, from where each position's own feature and embedding fit.
    pub(super) fn shorter(&self) -> Vec<Remedy> {
        let halved = |length: &usize| Some(length / 2).filter(|length| *length > 0);
        let longest = usize::try_from((self.options.max_bytes / 4).isqrt()).unwrap_or(usize::MAX);
        let first = halved(&self.options.max_seq_len).map(|length| length.min(longest));
        std::iter::successors(first, halved)
            .map(|length| Remedy {
                help: format!(
                    "it fits with `#! max_seq_len: {length}` at the top, or --max-seq-len {length}"
                ),
                max_seq_len: Some(length),
                differs: true,
                ..Remedy::default()
            })
            .collect()
    }

    /// The output, read together with `tokens`.
    pub(super) fn with_tokens(&self, output: NodeId) -> Vec<Remedy> {
        let Some(name) = self.output_name(output) else {
            return Vec::new();
        };
        let is_tokens = matches!(self.graph().node(output).kind, Kind::Tokens);
        let copies = if is_tokens {
            vec![format!("map(x -> x, {name})")]
        } else {
            vec![
                format!("sequence_map((t, x) -> x, tokens, {name})"),
                format!("sequence_map((t, x) -> x, tokens, map(x -> x, {name}))"),
            ]
        };
        let free = (1..).map(|i| {
            if i == 1 {
                "copy".into()
            } else {
                format!("copy_{i}")
            }
        });
        let Some(new) = free
            .into_iter()
            .find(|new: &String| !self.program.names.contains_key(new))
        else {
            return Vec::new();
        };
        let and_output = match self.program.header.output {
            Some(_) => format!(", and output `{new}`"),
            None => String::new(),
        };
        let end = self.source.text.len();
        copies
            .into_iter()
            .map(|copy| Remedy {
                help: format!("end with `{new} = {copy};`{and_output}"),
                edits: vec![(end..end, format!("\n{new} = {copy};\n"))],
                output: Some(new.clone()),
                ..Remedy::default()
            })
            .collect()
    }

    fn output_name(&self, output: NodeId) -> Option<&str> {
        let chosen = self.program.header.output.as_ref();
        let named = || {
            let mut names = self.program.names.iter();
            names.find(|(_, id)| **id == output).map(|(name, _)| name)
        };
        match self.graph().node(output).kind {
            Kind::Tokens => Some("tokens"),
            Kind::Indices => Some("indices"),
            _ => chosen.or_else(named).map(String::as_str),
        }
    }
}
