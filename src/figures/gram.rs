//! `G` from `gram.csv`, features grouped by variable.

use std::collections::HashMap;

use crate::results::{ReadError, Table};

/// A square matrix with names, features grouped by variable.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Gram {
    pub labels: Vec<String>,
    /// Row after row; none where the table has no finite number.
    pub values: Vec<Option<f64>>,
}

impl Gram {
    /// From a table of `feature_a, feature_b, value` with all pairs.
    ///
    /// # Errors
    /// If a column or a pair is missing or given twice, or a value is not a number.
    pub fn read(table: &Table) -> Result<Self, ReadError> {
        Self::read_columns(table, ["feature_a", "feature_b", "value"])
    }

    /// As [`Gram::read`], from a table with other names of columns.
    ///
    /// # Errors
    /// As [`Gram::read`].
    pub fn read_columns(
        table: &Table,
        [first, second, value]: [&str; 3],
    ) -> Result<Self, ReadError> {
        let (a, b) = (table.texts(first)?, table.texts(second)?);
        let values = table.numbers(value)?;
        let mut labels: Vec<&str> = Vec::new();
        let mut index = HashMap::new();
        for label in &a {
            index.entry(*label).or_insert_with(|| {
                labels.push(label);
                labels.len() - 1
            });
        }
        let n = labels.len();
        if n == 0 {
            return Err(table.wrong(0, "there is no row"));
        }
        // Before there is a matrix: a long table of features that are all different has none.
        let rows = table.rows.len();
        let incomplete = || {
            let pairs = n as u128 * n as u128;
            let problem = format!("{n} features have {pairs} pairs, and the file has {rows}");
            table.wrong(rows.saturating_sub(1), problem)
        };
        if n.checked_mul(n).is_none_or(|pairs| pairs > rows) {
            return Err(incomplete());
        }
        let order = grouped(&labels);
        let mut place = vec![0; n];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        let mut matrix = vec![None; n * n];
        let mut seen = vec![false; n * n];
        for (row, (a, b)) in a.iter().zip(&b).enumerate() {
            let column = index.get(b).ok_or_else(|| {
                let problem = format!("a feature of `{second}` does not occur in `{first}`");
                table.wrong(row, problem)
            })?;
            let cell = place[index[a]] * n + place[*column];
            if std::mem::replace(&mut seen[cell], true) {
                return Err(table.wrong(row, "this pair of features is there twice"));
            }
            matrix[cell] = values[row];
        }
        if seen.contains(&false) {
            return Err(incomplete());
        }
        Ok(Self {
            labels: order.iter().map(|i| labels[*i].to_owned()).collect(),
            values: matrix,
        })
    }

    /// Whether both triangles are the same up to rounding: written and read with one matrix.
    pub fn is_symmetric(&self) -> bool {
        let (n, largest) = (self.labels.len(), self.largest());
        self.values.iter().enumerate().all(|(i, value)| {
            let other = self.values[i % n * n + i / n];
            match (value, other) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * largest,
                (a, b) => a.is_none() && b.is_none(),
            }
        })
    }

    /// The cosines: each entry over the lengths of its two features' directions, none of a feature without a direction.
    pub fn cosines(&self) -> Self {
        let n = self.labels.len();
        let length = |i: usize| self.values[i * n + i].filter(|v| *v > 0.0).map(f64::sqrt);
        let lengths: Vec<Option<f64>> = (0..n).map(length).collect();
        let cosine = |(i, value): (usize, &Option<f64>)| {
            let cosine = (*value)? / lengths[i / n]? / lengths[i % n]?;
            Some(cosine.clamp(-1.0, 1.0))
        };
        Self {
            labels: self.labels.clone(),
            values: self.values.iter().enumerate().map(cosine).collect(),
        }
    }

    /// The largest magnitude.
    pub fn largest(&self) -> f64 {
        self.values
            .iter()
            .flatten()
            .fold(0.0, |m, v| v.abs().max(m))
    }

    /// Neighbouring features of one variable: its name, first and number.
    pub fn groups(&self) -> Vec<(&str, usize, usize)> {
        groups(&self.labels)
    }
}

/// Neighbouring features of one variable: its name, first and number.
pub fn groups(labels: &[String]) -> Vec<(&str, usize, usize)> {
    let mut groups: Vec<(&str, usize, usize)> = Vec::new();
    for (i, label) in labels.iter().enumerate() {
        match groups.last_mut() {
            Some((name, _, count)) if *name == variable(label) => *count += 1,
            _ => groups.push((variable(label), i, 1)),
        }
    }
    groups
}

fn variable(label: &str) -> &str {
    label.split(':').next().unwrap_or(label)
}

/// The order of the published heat map: the program's variables, then `tokens` (BOS and padding last),
/// `indices`, `one`. Otherwise as in the file.
pub fn grouped(labels: &[&str]) -> Vec<usize> {
    let mut first = HashMap::new();
    for (i, label) in labels.iter().enumerate() {
        first.entry(variable(label)).or_insert(i);
    }
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|&i| {
        let name = variable(labels[i]);
        let rank = match name {
            "tokens" => 1,
            "indices" => 2,
            "one" => 3,
            _ => 0,
        };
        let special = match labels[i] {
            "tokens:BOS" => 1,
            "tokens:compiler_pad" => 2,
            _ => 0,
        };
        (rank, first[name], special, i)
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_symmetric_up_to_rounding() {
        let gram = |below: Option<f64>| Gram {
            labels: vec!["a".into(), "b".into()],
            values: vec![Some(1.0), Some(0.25), below, Some(2.0)],
        };
        assert!(gram(Some(0.25 + 1e-10)).is_symmetric());
        assert!(!gram(Some(-0.25)).is_symmetric());
        assert!(!gram(None).is_symmetric());
    }

    #[test]
    fn features_are_grouped_as_in_the_published_figure() {
        let labels = [
            "indices:0",
            "one",
            "is_x",
            "tokens:BOS",
            "tokens:a",
            "indices:1",
            "frac",
        ];
        let order: Vec<&str> = grouped(&labels).into_iter().map(|i| labels[i]).collect();
        assert_eq!(
            order,
            [
                "is_x",
                "frac",
                "tokens:a",
                "tokens:BOS",
                "indices:0",
                "indices:1",
                "one"
            ]
        );
    }
}
