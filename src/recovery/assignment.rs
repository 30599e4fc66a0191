//! The best one-to-one matching: the linear assignment problem, rectangular.
//!
//! Shortest augmenting paths with potentials (the Hungarian method in the form of Jonker and Volgenant 1987): a row at
//! a time, exact, `O(n² m)` for `n ≤ m`. Where several matchings are equally good, the rows that come first take the
//! columns that come first.

use ndarray::ArrayView2;

/// For each row of `gain` `[n, m]` the column that it is matched with, so that the sum of the gains is as large as it
/// can be; `min(n, m)` rows have one. The gains must be finite.
pub fn best(gain: ArrayView2<'_, f64>) -> Vec<Option<usize>> {
    let (n, m) = gain.dim();
    if n <= m {
        return of_rows(n, m, |i, j| -gain[[i, j]])
            .into_iter()
            .map(Some)
            .collect();
    }
    let mut matched = vec![None; n];
    for (column, row) in of_rows(m, n, |i, j| -gain[[j, i]]).into_iter().enumerate() {
        matched[row] = Some(column);
    }
    matched
}

/// The columns of the cheapest matching of `n ≤ m` rows.
///
/// `u_i + v_j ≤ c_ij` holds throughout, with equality on matched pairs, so that the matching is the cheapest of those
/// with the rows so far. A further row is matched along the path that is shortest in the reduced costs
/// `c_ij − u_i − v_j`.
fn of_rows(n: usize, m: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    let (mut u, mut v) = (vec![0.0; n], vec![0.0; m]);
    let mut row_of: Vec<Option<usize>> = vec![None; m];
    for start in 0..n {
        let mut distance = vec![f64::INFINITY; m];
        let mut before: Vec<Option<usize>> = vec![None; m];
        let mut done = vec![false; m];
        let (mut row, mut reached, mut last) = (start, 0.0, None);
        let end = loop {
            let mut nearest: Option<usize> = None;
            for j in (0..m).filter(|j| !done[*j]) {
                let through = reached + cost(row, j) - u[row] - v[j];
                if through < distance[j] {
                    distance[j] = through;
                    before[j] = last;
                }
                if nearest.is_none_or(|best| distance[j] < distance[best]) {
                    nearest = Some(j);
                }
            }
            // There are fewer rows than columns, so that one is left.
            let Some(j) = nearest else { break None };
            done[j] = true;
            reached = distance[j];
            last = Some(j);
            match row_of[j] {
                Some(next) => row = next,
                None => break Some(j),
            }
        };
        u[start] += reached;
        for j in (0..m).filter(|j| done[*j]) {
            let slack = reached - distance[j];
            v[j] -= slack;
            if let Some(i) = row_of[j] {
                u[i] += slack;
            }
        }
        let mut column = end;
        while let Some(j) = column {
            column = before[j];
            row_of[j] = Some(column.and_then(|c| row_of[c]).unwrap_or(start));
        }
    }
    let mut columns = vec![0; n];
    for (j, row) in row_of.iter().enumerate() {
        if let Some(i) = row {
            columns[*i] = j;
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::RngExt;

    fn total(gain: &Array2<f64>, matched: &[Option<usize>]) -> f64 {
        let pairs = matched.iter().enumerate();
        pairs.filter_map(|(i, j)| j.map(|j| gain[[i, j]])).sum()
    }

    /// The largest sum over all matchings.
    fn brute_force(gain: &Array2<f64>, row: usize, free: &mut Vec<bool>, left: usize) -> f64 {
        if row == gain.nrows() || left == 0 {
            return 0.0;
        }
        // A row may stay alone only where there are fewer columns than rows.
        let mut best = if gain.nrows() - row > left {
            brute_force(gain, row + 1, free, left)
        } else {
            f64::NEG_INFINITY
        };
        for j in 0..gain.ncols() {
            if std::mem::replace(&mut free[j], false) {
                best = best.max(gain[[row, j]] + brute_force(gain, row + 1, free, left - 1));
                free[j] = true;
            }
        }
        best
    }

    #[test]
    fn the_matching_is_as_good_as_the_best_of_all() {
        let mut rng = base::rng::stream(3, base::rng::Purpose::Recovery);
        for case in 0..400 {
            let (n, m) = (rng.random_range(1..7), rng.random_range(1..7));
            let coarse = case % 2 == 0; // many ties
            let gain = Array2::from_shape_simple_fn((n, m), || {
                let x: f64 = rng.random::<f64>() - 0.3;
                if coarse { (x * 4.0).round() / 4.0 } else { x }
            });
            let matched = best(gain.view());
            let mut columns: Vec<usize> = matched.iter().flatten().copied().collect();
            assert_eq!(columns.len(), n.min(m));
            columns.sort_unstable();
            columns.dedup();
            assert_eq!(columns.len(), n.min(m), "{gain:?} {matched:?}");
            let expected = brute_force(&gain, 0, &mut vec![true; m], n.min(m));
            approx::assert_abs_diff_eq!(total(&gain, &matched), expected, epsilon = 1e-12);
        }
    }

    #[test]
    fn nothing_is_matched_with_nothing() {
        assert_eq!(best(Array2::zeros((2, 0)).view()), [None, None]);
        assert!(best(Array2::zeros((0, 3)).view()).is_empty());
    }
}
