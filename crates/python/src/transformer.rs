//! A compiled model, or a run's compressed one: weights, forward pass, exact metrics.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use base::{escape, files, limits};
use ndarray::{Array, Array2, Array3, Array4, Array5, ArrayD, Axis, Dimension, stack};
use numpy::{IntoPyArray, PyArray, PyArray2, PyArrayMethods, PyReadonlyArray2, ToPyArray};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use superposition::evaluation::Evaluator;
use superposition::inputs::{EvaluationSet, InputSpace};
use superposition::{Projection, fold};
use tracr::model::forward::softmax_rows;
use tracr::model::{CompiledModel, Frozen, Stream, Value};
use tracr_compress::cli;
use tracr_compress::run::experiment::Experiment;
use tracr_compress::run::finished::Subject;

use crate::errors::{input, of_failure, running};
use crate::program::{settings, source};
use crate::values::{all_from_python, all_to_python, words};

/// A compiled model, with `W` if a run compressed it.
#[pyclass(frozen, module = "tracr_compress._native")]
pub struct Transformer {
    model: CompiledModel,
    frozen: Frozen<f64>,
    projection: Option<Projection>,
    experiment: Option<Experiment>,
    evaluator: OnceLock<Arc<Evaluator>>,
}

/// Compiles a program: the model, notes for its author, and where it differs from the program (or nothing).
#[pyfunction]
#[pyo3(signature = (text, path, name, vocab, max_seq_len, causal, mlp_exactness, output, check))]
#[allow(clippy::too_many_arguments)] // the package's own functions have keywords for them
pub fn compile(
    py: Python<'_>,
    text: Option<String>,
    path: Option<PathBuf>,
    name: String,
    vocab: Option<Vec<Bound<'_, PyAny>>>,
    max_seq_len: Option<i64>,
    causal: Option<bool>,
    mlp_exactness: Option<f64>,
    output: Option<String>,
    check: bool,
) -> PyResult<(Transformer, Vec<String>, Vec<String>)> {
    let settings = settings(vocab, max_seq_len, causal, mlp_exactness, output)?;
    let source = source(text, path, name.clone())?;
    let compiled = py.detach(|| source.compile(&settings)).map_err(input)?;
    let (mut notes, mut warnings) = (compiled.notes.clone(), Vec::new());
    if check {
        let checked = py.detach(|| cli::check(&compiled)).map_err(of_failure)?;
        if let (true, Some(text)) = (checked.is_hopeless, &checked.difference) {
            return Err(input(format!(
                "{}: {text}",
                escape::name(&compiled.model.metadata.program)
            )));
        }
        warnings.extend(checked.difference);
        warnings.extend(checked.warnings);
        notes.extend(checked.notes);
    }
    Ok((
        Transformer::new(compiled.model, None, None),
        notes,
        warnings,
    ))
}

/// One of the model's arrays as NumPy sees it, read-only.
#[allow(unsafe_code)] // the one place where Python looks into memory of ours
fn view<'py, D: Dimension>(
    array: &Array<f64, D>,
    owner: &Bound<'py, Transformer>,
) -> Bound<'py, PyArray<f64, D>> {
    // SAFETY: the array belongs to the model of `owner`, a frozen class, so nothing changes or moves it; and the view
    // keeps `owner` alive.
    let view = unsafe { PyArray::borrow_from_array(array, owner.clone().into_any()) };
    view.readwrite().make_nonwriteable();
    view
}

impl Transformer {
    fn new(
        model: CompiledModel,
        projection: Option<Projection>,
        experiment: Option<Experiment>,
    ) -> Self {
        Self {
            frozen: Frozen::new(&model),
            model,
            projection,
            experiment,
            evaluator: OnceLock::new(),
        }
    }

    fn stream(&self) -> Stream<'_, f64> {
        self.projection
            .as_ref()
            .map_or(Stream::Full, Projection::stream)
    }

    /// The inputs that the exact metrics are about, or all that the model takes, from one token to the longest.
    fn set(&self) -> PyResult<(InputSpace, EvaluationSet)> {
        if let Some(experiment) = &self.experiment {
            return Ok((experiment.space.clone(), experiment.evaluation_set()));
        }
        let name = &self.model.metadata.program;
        cli::inputs_of(name.as_ref(), &self.model).map_err(of_failure)
    }

    /// That token ids `[B, T]` are of this model, and that what a pass keeps of them fits in memory.
    fn check(&self, ids: &Array2<i64>) -> PyResult<Array2<usize>> {
        let (batch, positions) = ids.dim();
        let (longest, vocabulary) = (
            self.model.positions(),
            self.model.metadata.input_vocab.len(),
        );
        if batch == 0 || positions == 0 || positions > longest {
            return Err(input(format!(
                "ids have shape [{batch}, {positions}], but [B, T] needs a B of at least 1 and a T from 1 to {longest}: BOS and \
                 at most {} tokens",
                longest - 1
            )));
        }
        let of_model = |id: &i64| usize::try_from(*id).ok().filter(|id| *id < vocabulary);
        if let Some(id) = ids.iter().find(|id| of_model(id).is_none()) {
            return Err(input(format!(
                "{id} is no token id: they are from 0 to {}",
                vocabulary - 1
            )));
        }
        let (b, t) = (batch as u128, positions as u128);
        let (layers, heads) = (
            self.model.layers.len() as u128,
            self.model.metadata.num_heads as u128,
        );
        let numbers = b
            * ((8 * layers + 8) * t * self.model.width() as u128
                + (3 * layers * heads + 2) * t * t);
        if 8 * numbers > u128::from(limits::RUN_BYTES) {
            return Err(input(format!(
                "a pass over {batch} inputs of {positions} positions would need about {} of memory, the limit is {}: give \
                 fewer at a time",
                limits::readable(8 * numbers),
                limits::readable(limits::RUN_BYTES.into())
            )));
        }
        Ok(ids.mapv(|id| usize::try_from(id).unwrap_or(0))) // each was checked
    }
}

#[pymethods]
impl Transformer {
    /// Reads a model file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let model = py.detach(|| CompiledModel::load(&path)).map_err(input)?;
        Ok(Self::new(model, None, None))
    }

    /// Reads a run's configuration, model and `W`.
    #[staticmethod]
    fn of_run(py: Python<'_>, directory: PathBuf) -> PyResult<Self> {
        let Subject {
            experiment,
            projection,
        } = py.detach(|| Subject::load(&directory)).map_err(input)?;
        Ok(Self::new(
            experiment.model.clone(),
            Some(projection),
            Some(experiment),
        ))
    }

    /// The model file's bytes.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.model.to_bytes().map_err(input)?))
    }

    /// Writes a model file, whole or not at all.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let bytes = self.model.to_bytes().map_err(input)?;
        py.detach(|| files::write_atomically(&path, &bytes))
            .map_err(running)
    }

    /// Names and sizes, as the JSON of the model file.
    fn metadata(&self) -> PyResult<String> {
        serde_json::to_string(&self.model.metadata).map_err(running)
    }

    /// The run's resolved configuration as JSON; nothing of a model.
    fn config(&self) -> PyResult<Option<String>> {
        let config = self
            .experiment
            .as_ref()
            .map(|experiment| serde_json::to_string(&experiment.config));
        config.transpose().map_err(running)
    }

    /// The compiled weights by their names in a model file, float64: read-only views, which keep the model alive.
    fn weights<'py>(this: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let (weights, model) = (PyDict::new(this.py()), &this.get().model);
        weights.set_item("token_embed", view(&model.token_embed, this))?;
        weights.set_item("pos_embed", view(&model.pos_embed, this))?;
        weights.set_item("unembed", view(&model.unembed, this))?;
        for (i, layer) in model.layers.iter().enumerate() {
            for (name, linear) in layer.named() {
                let name = format!("layers.{i}.{name}");
                weights.set_item(format!("{name}.weight"), view(&linear.weight, this))?;
                weights.set_item(format!("{name}.bias"), view(&linear.bias, this))?;
            }
        }
        Ok(weights)
    }

    /// The matrices of `W` by name, and `G` `[D, D]`; nothing of a model.
    fn matrices<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let Some(projection) = &self.projection else {
            return Ok(None);
        };
        let matrices = PyDict::new(py);
        for (name, matrix) in projection.matrices() {
            matrices.set_item(name, matrix.to_pyarray(py))?;
        }
        matrices.set_item("G", projection.gram(&self.model).into_pyarray(py))?;
        Ok(Some(matrices))
    }

    /// The compiled model of a run, without its `W`.
    fn compiled(&self) -> Self {
        Self::new(self.model.clone(), None, None)
    }

    /// The compressed model as a transformer of width d; nothing of a model.
    fn folded(&self, py: Python<'_>) -> Option<Self> {
        let projection = self.projection.as_ref()?;
        Some(Self::new(
            py.detach(|| fold(&self.model, projection)),
            None,
            None,
        ))
    }

    /// Which matrix of `W` each block and the unembedding reads with, and the embedding and each block writes with.
    fn wiring(&self) -> Option<(Vec<usize>, Vec<usize>)> {
        use tracr::model::Site;
        use tracr::model::wiring::Reader;
        let wiring = &self.projection.as_ref()?.wiring;
        let blocks = 0..2 * self.model.layers.len();
        let readers = blocks
            .clone()
            .map(Reader::Block)
            .chain([Reader::Unembedding]);
        let sites = std::iter::once(Site::Embedding).chain(blocks.map(Site::Block));
        Some((
            readers.map(|reader| wiring.read(reader)).collect(),
            sites.map(|site| wiring.write(site)).collect(),
        ))
    }

    /// The ids of an input's tokens, BOS before them.
    fn encode(&self, tokens: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<usize>> {
        let tokens = all_from_python(&tokens)?;
        let words = words(&tokens, Some(&self.model.metadata.input_vocab));
        self.model.encode(&words).map_err(input)
    }

    /// What scores `[N, O]` mean: a class, or a number, for each row.
    fn decode<'py>(
        &self,
        py: Python<'py>,
        scores: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let (scores, columns) = (scores.as_array(), self.model.metadata.output_columns());
        if scores.ncols() != columns {
            return Err(input(format!(
                "scores have {} columns, but the model has {columns}",
                scores.ncols()
            )));
        }
        let values: Vec<Value> = scores
            .rows()
            .into_iter()
            .map(|row| self.model.decode(row))
            .collect();
        all_to_python(py, &values)
    }

    /// Token ids `[N, T]` of the inputs that metrics are about, filled up with PAD, and whether these are all.
    fn inputs<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyArray2<i64>>, bool)> {
        let (ids, whole) = py.detach(|| {
            let (space, set) = self.set()?;
            PyResult::Ok((set.chunk(&space, 0, set.len()), set.is_whole()))
        })?;
        let ids = ids.mapv(|id| i64::try_from(id).unwrap_or(i64::MAX)); // below V
        Ok((ids.into_pyarray(py), whole))
    }

    /// Everything that a pass over ids `[B, T]` computes, by name.
    fn forward<'py>(
        &self,
        py: Python<'py>,
        ids: PyReadonlyArray2<'py, i64>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let ids = self.check(&ids.as_array().to_owned())?;
        let (batch, positions) = ids.dim();
        let (trace, patterns) = py.detach(|| {
            let trace = self.frozen.forward(self.stream(), ids.view());
            let mut patterns = trace.attention_logits.clone();
            for logits in &mut patterns {
                for mut input in logits.outer_iter_mut() {
                    for mut head in input.outer_iter_mut() {
                        let mut weights = head.to_owned();
                        softmax_rows(&mut weights, self.frozen.causal);
                        head.assign(&weights);
                    }
                }
            }
            (trace, patterns)
        });
        // [B·T, N] -> [B, T, N]
        let shaped = |rows: &Array2<f64>| {
            let shape = (batch, positions, rows.ncols());
            rows.to_shape(shape)
                .map(|array| array.into_owned())
                .map_err(running)
        };
        let all = |parts: &[Array2<f64>]| -> PyResult<Array4<f64>> {
            let parts: PyResult<Vec<Array3<f64>>> = parts.iter().map(shaped).collect();
            let parts = parts?;
            let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
            stack(Axis(0), &views).map_err(running)
        };
        let arrays = PyDict::new(py);
        arrays.set_item("residual", all(&trace.residuals)?.into_pyarray(py))?;
        if !trace.block_outputs.is_empty() {
            arrays.set_item("write", all(&trace.block_outputs)?.into_pyarray(py))?;
            let views: Vec<_> = patterns.iter().map(|part| part.view()).collect();
            let patterns: Array5<f64> = stack(Axis(0), &views).map_err(running)?;
            arrays.set_item("pattern", patterns.into_pyarray(py))?;
        }
        arrays.set_item("last_read", shaped(&trace.last_read)?.into_pyarray(py))?;
        arrays.set_item("output", shaped(&trace.output)?.into_pyarray(py))?;
        Ok(arrays)
    }

    /// The exact metrics of any `W` on a run's inputs, as JSON.
    fn evaluate(&self, py: Python<'_>, w: PyReadonlyArray2<'_, f64>) -> PyResult<String> {
        let Some(experiment) = &self.experiment else {
            return Err(input(
                "a model has no W to evaluate: train one, or load a run",
            ));
        };
        let w: ArrayD<f64> = w.as_array().to_owned().into_dyn();
        let w = w.into_dimensionality().map_err(running)?;
        let (width, count) = (self.model.width(), experiment.wiring().count());
        let (rows, columns) = Array2::dim(&w);
        if columns != width || rows == 0 || rows % count != 0 || rows / count > width {
            return Err(input(format!(
                "W has shape [{rows}, {columns}], but [d, D] needs {width} columns and{} 1 to {width} rows",
                if count == 1 {
                    String::new()
                } else {
                    format!(", for each of {count} matrices,")
                }
            )));
        }
        if let Some(x) = w.iter().find(|x| !x.is_finite()) {
            return Err(input(format!(
                "W holds {x}: its entries are finite numbers"
            )));
        }
        let evaluation = py.detach(|| {
            let evaluator = match self.evaluator.get() {
                Some(known) => Arc::clone(known),
                None => {
                    let teacher = experiment.teacher();
                    teacher.check().map_err(input)?;
                    let evaluator = Evaluator::new(teacher, experiment.objective());
                    let evaluator = Arc::new(evaluator.with_wiring(experiment.wiring()));
                    Arc::clone(self.evaluator.get_or_init(|| evaluator))
                }
            };
            PyResult::Ok(evaluator.evaluate(&w))
        })?;
        serde_json::to_string(&evaluation).map_err(running)
    }
}
