//! Libraries and their functions. Names of functions are unique among all libraries.

use std::collections::BTreeMap;

use super::flags::{Shebang, library_name};
use super::run::{Kind, Runnable};
use crate::engine::{Engine, Failure};
use crate::script::{LibraryFunction, Outcome};

/// A library.
#[derive(Clone, Debug)]
pub struct Library {
    /// Its source, the first line included.
    pub text: Box<[u8]>,
    /// What it has registered, in order.
    pub functions: Vec<LibraryFunction>,
}

/// All of them, by name.
#[derive(Clone, Debug, Default)]
pub struct Libraries {
    libraries: BTreeMap<Vec<u8>, Library>,
    /// Each function's library.
    functions: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Libraries {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.libraries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.libraries.is_empty()
    }

    /// How many functions they have.
    pub fn function_count(&self) -> usize {
        self.functions.len()
    }

    /// By name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Library)> {
        self.libraries.iter().map(|(name, library)| (name.as_slice(), library))
    }

    /// The library of this name.
    pub fn get(&self, name: &[u8]) -> Option<&Library> {
        self.libraries.get(name)
    }

    /// Whether a function has this name.
    pub fn has_function(&self, name: &[u8]) -> bool {
        self.functions.contains_key(name)
    }

    /// Bytes that their texts and what is known of them take.
    pub fn memory_bytes(&self) -> usize {
        let function = size_of::<LibraryFunction>() + size_of::<(Vec<u8>, Vec<u8>)>();
        let texts: usize = self.libraries.values().map(|library| library.text.len()).sum();
        texts + self.len() * size_of::<(Vec<u8>, Library)>() + self.function_count() * function
    }

    fn function(&self, name: &[u8]) -> Option<&LibraryFunction> {
        let library = self.libraries.get(self.functions.get(name)?)?;
        library.functions.iter().find(|function| function.name == name)
    }

    fn insert(&mut self, name: Vec<u8>, library: Library) {
        for function in &library.functions {
            self.functions.insert(function.name.clone(), name.clone());
        }
        self.libraries.insert(name, library);
    }

    fn remove(&mut self, name: &[u8]) -> Option<Library> {
        let library = self.libraries.remove(name)?;
        for function in &library.functions {
            self.functions.remove(&function.name);
        }
        Some(library)
    }
}

/// What becomes of a library of the same name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Existing {
    /// It stays, and the new one is refused.
    Stays,
    /// It goes.
    Goes,
}

impl Engine {
    /// Loads a library; its name.
    pub fn load_library(&mut self, text: &[u8], existing: Existing) -> Result<Vec<u8>, Failure> {
        let name = library_name(text)?;
        if existing == Existing::Stays && self.scripts.libraries.get(&name).is_some() {
            return Err(text_failure("ERR Library '", &name, "' already exists"));
        }
        let functions = match self.scripts.machine()?.load(text) {
            Outcome::Loaded(functions) => functions,
            Outcome::NotCompiled(why) => {
                return Err(text_failure("ERR Error compiling function: ", &why, ""));
            }
            Outcome::Thrown(thrown) => {
                return Err(text_failure("ERR Error registering functions: ", &thrown.text, ""));
            }
            _ => return Err(Failure::fixed("ERR Error registering functions")),
        };
        if let Err(failure) = self.check_functions(&name, &functions) {
            self.forget_functions(&functions);
            return Err(failure);
        }
        self.delete_library(&name);
        self.scripts.libraries.insert(name.clone(), Library { text: text.into(), functions });
        self.measure_libraries();
        Ok(name)
    }

    fn check_functions(&self, name: &[u8], functions: &[LibraryFunction]) -> Result<(), Failure> {
        if functions.is_empty() {
            return Err(Failure::fixed("ERR No functions registered"));
        }
        for function in functions {
            let owner = self.scripts.libraries.functions.get(&function.name);
            if owner.is_some_and(|owner| owner != name) {
                return Err(text_failure("ERR Function ", &function.name, " already exists"));
            }
        }
        Ok(())
    }

    fn forget_functions(&mut self, functions: &[LibraryFunction]) {
        if let Some(machine) = &mut self.scripts.machine {
            functions.iter().for_each(|function| machine.forget(function.code));
        }
    }

    /// An error if one of these libraries has the name of one that is there.
    pub fn refuse_known_libraries(&self, texts: &[Vec<u8>]) -> Result<(), Failure> {
        let mut names = texts.iter().map(|text| library_name(text)).collect::<Result<Vec<_>, _>>()?;
        names.sort_unstable();
        match names.iter().find(|name| self.scripts.libraries.get(name).is_some()) {
            Some(name) => Err(text_failure("ERR Library ", name, " already exists")),
            None => Ok(()),
        }
    }

    /// Deletes a library; false if there is none of this name.
    pub fn delete_library(&mut self, name: &[u8]) -> bool {
        let Some(library) = self.scripts.libraries.remove(name) else { return false };
        self.forget_functions(&library.functions);
        self.measure_libraries();
        true
    }

    fn measure_libraries(&mut self) {
        self.scripts.library_bytes = self.scripts.libraries.memory_bytes();
        self.scripts.measure();
    }

    /// Deletes all libraries.
    pub fn flush_libraries(&mut self) {
        let names: Vec<Vec<u8>> = self.scripts.libraries.libraries.keys().cloned().collect();
        names.iter().for_each(|name| {
            self.delete_library(name);
        });
        if let Some(machine) = &mut self.scripts.machine {
            machine.collect();
        }
    }

    /// A function, to be run.
    pub fn function_to_run(&self, name: &[u8]) -> Option<Runnable> {
        let function = self.scripts.libraries.function(name)?;
        let mut shebang = Shebang::default();
        function.flags.iter().for_each(|flag| {
            shebang.add(flag);
        });
        Some(Runnable { code: function.code, kind: Kind::Function(name.into()), shebang: Some(shebang) })
    }
}

fn text_failure(before: &str, middle: &[u8], after: &str) -> Failure {
    Failure::new([before.as_bytes(), middle, after.as_bytes()].concat())
}
