//! `[recovery]` of a study: which dictionaries are looked for in every completed run.

use serde::{Deserialize, Serialize};
use toml::de::DeTable;
use toml::{Table, Value};

use super::choices::DictionaryMethod;
use super::error::ConfigError;
use super::file::{TomlFile, join};
use super::schema::{self, RECOVERY_KEYS};

/// `[recovery]`. [`schema::RECOVERY_KEYS`] says what each key means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct RecoveryConfig {
    pub methods: Vec<DictionaryMethod>,
    pub seeds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atoms: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<usize>,
    pub bos: bool,
}

const TABLE: &str = "recovery";
const METHODS: &str = "recovery.methods";

impl RecoveryConfig {
    /// The table of a study file, with every default filled in.
    ///
    /// # Errors
    /// If there is another key, or a value is of another type or out of range.
    pub(super) fn read<'a>(
        file: &TomlFile<'a>,
        table: &DeTable<'a>,
        begins: &str,
    ) -> Result<Self, ConfigError> {
        let mut read = Table::new();
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(part, _)| part.span().start);
        for (part, value) in entries {
            let name = join(TABLE, part.get_ref());
            let Some(key) = schema::find_in(RECOVERY_KEYS, &name) else {
                return Err(ConfigError::UnknownKey {
                    location: file.location(part.span()),
                    key: name,
                    hint: format!(": there are {}", schema::names(RECOVERY_KEYS)),
                });
            };
            let given = file.assignment(key.name, part.span(), value)?;
            if !key.kind.allows(&given.value) {
                let hint = match key.name {
                    METHODS => misspelt(&given.value),
                    _ => String::new(),
                };
                return Err(given.refused(&format!("{}{hint}", key.takes())));
            }
            schema::fill(&mut read, key.name, given.value);
        }
        schema::fill_defaults(&mut read, RECOVERY_KEYS);
        let own = read.remove(TABLE).unwrap_or_else(|| Table::new().into());
        if own.get("methods").is_none() {
            let key = RECOVERY_KEYS.iter().find(|key| key.name == METHODS);
            return Err(ConfigError::Missing {
                location: begins.to_owned(),
                key: METHODS,
                takes: key.map_or_else(String::new, schema::Key::takes),
                meaning: key.map_or("", |key| key.meaning),
            });
        }
        own.try_into().map_err(|e| ConfigError::Syntax {
            location: begins.to_owned(),
            message: e.message().to_owned(),
        })
    }

    /// How many dictionaries a method has.
    pub fn seeds_of(&self, method: DictionaryMethod) -> u64 {
        if method.depends_on_seed() {
            self.seeds
        } else {
            1
        }
    }
}

/// What may be meant by words that are no method.
fn misspelt(written: &Value) -> String {
    let unknown = written.as_array().into_iter().flatten();
    let unknown = unknown
        .filter_map(Value::as_str)
        .find(|word| DictionaryMethod::named(word).is_none());
    let near = unknown.and_then(DictionaryMethod::nearest);
    near.map_or_else(String::new, |near| format!(": did you mean \"{near}\"?"))
}
