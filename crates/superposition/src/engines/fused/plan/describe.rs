//! A plan in words, for `compress run --plan`.

use std::fmt::{self, Display, Formatter};

use super::parts::{Block, Domain, Expansion, Method, Plan, Work};

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "D = {}, {} positions, {} tokens{}",
            self.width,
            self.positions,
            self.vocabulary,
            if self.causal { ", causal" } else { "" }
        )?;
        match &self.rows {
            Some(rows) => writeln!(
                f,
                "table: {} (position, token) pairs, reaching the sequences {}",
                rows.len(),
                match self.expansion {
                    Expansion::Indicators => "as products with 0 and 1",
                    Expansion::Lookup => "row by row",
                }
            )?,
            None => writeln!(f, "table: the (position, token) pairs of each batch")?,
        }
        for index in 0..self.total_blocks {
            let kind = if index.is_multiple_of(2) {
                "attn"
            } else {
                "mlp"
            };
            write!(f, "layer{}.{kind}: ", index / 2)?;
            match self.blocks.iter().position(|b| b.index == index) {
                None => writeln!(f, "dead, skipped")?,
                Some(i) => self.describe_block(i, &self.blocks[i], f)?,
            }
        }
        writeln!(
            f,
            "unembedding: {} columns",
            self.readers.last().map_or(0, |r| r.columns.len())
        )?;
        if let Some(halves) = &self.row_wise {
            let sizes = [0, 1].map(|half| halves.groups[half].combinations);
            return writeln!(
                f,
                "training on members of the space works through all {} at once, row by row of the table: \
                 {} combinations of tokens at positions 0..{} by {} at the others, each token position about {:.0} \
                 floating-point operations",
                sizes[0] * sizes[1] * self.positions,
                sizes[0],
                halves.groups[1].first,
                sizes[1],
                2.0 * self.multiplications_per_token_position()
            );
        }
        if self.sequence_wise {
            writeln!(
                f,
                "training on members of the space takes sixteen sequences at a time through all blocks, without a \
                 table and with every attention logit by logit; what is said of tables and tabulated sums is true of \
                 other batches"
            )?;
        }
        let multiplications = self.multiplications_per_sequence();
        writeln!(
            f,
            "each sequence: about {:.3e} floating-point operations forward and back, tables aside",
            2.0 * multiplications
        )?;
        writeln!(
            f,
            "{} sequences at a time, {}",
            self.piece,
            match self.shares {
                1 => "one thread".into(),
                shares => format!("up to {shares} threads"),
            }
        )
    }
}

impl Plan {
    fn describe_block(&self, i: usize, block: &Block, f: &mut Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, writes {} of {} dimensions; ",
            match block.domain {
                Domain::Table => "in the table",
                Domain::Batch => "for each sequence",
            },
            block.columns.len(),
            self.width
        )?;
        match &block.work {
            Work::Mlp { .. } => writeln!(f, "{} hidden units", self.readers[i].columns.len()),
            Work::Attention { heads, .. } if heads.is_empty() => writeln!(f, "a constant"),
            Work::Attention { heads, method } => {
                let sizes: Vec<String> = heads
                    .iter()
                    .map(|h| format!("{}+{}", h.query.len(), h.value.len()))
                    .collect();
                write!(
                    f,
                    "{} live heads (query/key + value dimensions: {}), ",
                    heads.len(),
                    sizes.join(", ")
                )?;
                match method {
                    Method::Dense => writeln!(f, "logit by logit"),
                    Method::Factored => writeln!(f, "from a matrix over pairs of sources"),
                    Method::Grouped(grouping) => {
                        let sizes: Vec<String> = grouping
                            .groups
                            .iter()
                            .map(|g| g.combinations.to_string())
                            .collect();
                        writeln!(
                            f,
                            "from tables of {} combinations of keys",
                            sizes.join(" + ")
                        )
                    }
                }
            }
        }
    }
}
