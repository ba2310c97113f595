//! (to come)
#[cfg(not(madsim))]
compile_error!(
    "seawall-sim needs --cfg madsim from .cargo/config.toml; an environment RUSTFLAGS overrides it"
);
