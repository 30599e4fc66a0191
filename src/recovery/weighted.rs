//! Rows with weights that add up to 1: means, variances, lengths.

use ndarray::{Array1, Array2, ArrayView2, Axis};

/// The weighted mean of the rows, `[columns]`.
pub fn mean(rows: ArrayView2<'_, f64>, weights: &Array1<f64>) -> Array1<f64> {
    weights.dot(&rows)
}

/// The rows without their weighted mean.
pub fn centred(rows: ArrayView2<'_, f64>, weights: &Array1<f64>) -> Array2<f64> {
    &rows - &mean(rows, weights)
}

/// The weighted variance of each column.
pub fn variances(rows: ArrayView2<'_, f64>, weights: &Array1<f64>) -> Array1<f64> {
    weights.dot(&centred(rows, weights).mapv_into(|x| x * x))
}

/// The rows, each divided by its length; 0 where that is 0.
pub fn unit_rows(rows: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut rows = rows.to_owned();
    for mut row in rows.axis_iter_mut(Axis(0)) {
        let length = row.dot(&row).sqrt();
        if length > 0.0 {
            row /= length;
        }
    }
    rows
}
