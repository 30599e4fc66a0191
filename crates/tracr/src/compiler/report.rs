//! How large a model is.

use std::fmt;

/// The sizes of a compiled model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `D`, the features.
    pub width: usize,
    /// `L`.
    pub layers: usize,
    /// `H`.
    pub heads: usize,
    /// `k`, of one head.
    pub key_size: usize,
    /// Hidden units of every MLP.
    pub mlp_width: usize,
    /// `V`, BOS and PAD included.
    pub vocabulary: usize,
    /// `T`, BOS included.
    pub positions: usize,
    /// `O`, columns of the unembedding.
    pub outputs: usize,
    /// Of all weights and biases in float32.
    pub bytes: u128,
    /// What of that is due to operators that the compiler adds; empty for most programs.
    pub added: Vec<Share>,
}

/// What operators that the program does not have cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// What they are for: `tuples of tokens and indices`, `the default 'z'`.
    pub what: String,
    /// Dimensions of the residual stream.
    pub features: usize,
    /// Of MLPs.
    pub hidden_units: usize,
    /// Attention heads.
    pub heads: usize,
}

/// One line: `tuples of tokens and indices: 15 features, 15 hidden units`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.features, "feature"),
            (self.heads, "head"),
            (self.hidden_units, "hidden unit"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, what)| format!("{count} {what}{}", if *count == 1 { "" } else { "s" }))
            .collect();
        write!(f, "{}: {}", self.what, parts.join(", "))
    }
}

/// One line: `D 14, 2 layers, 1 head of key size 7, MLP width 1 (7.6 kB)`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: usize| if n == 1 { "" } else { "s" };
        write!(
            f,
            "D {}, {} layer{}, {} head{} of key size {}, MLP width {} ({})",
            self.width,
            self.layers,
            plural(self.layers),
            self.heads,
            plural(self.heads),
            self.key_size,
            self.mlp_width,
            bytes_text(self.bytes),
        )
    }
}

/// Bytes for people: `7.6 kB`, `1.2 GB`.
pub fn bytes_text(bytes: u128) -> String {
    let (mut size, mut unit) = (bytes as f64, "bytes");
    for larger in ["kB", "MB", "GB", "TB", "PB"] {
        if size < 1000.0 {
            break;
        }
        (size, unit) = (size / 1000.0, larger);
    }
    if unit == "bytes" {
        format!("{bytes} bytes")
    } else {
        format!("{size:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_for_people() {
        assert_eq!(bytes_text(999), "999 bytes");
        assert_eq!(bytes_text(7_600), "7.6 kB");
        assert_eq!(bytes_text(1 << 30), "1.1 GB");
    }
}
