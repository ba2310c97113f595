//! Passwords, permissions, TLS.
use crate::config::kinds::{I32_MAX, I64_MAX, Kind};
use crate::config::row::{Row, field};
use crate::config::values::Permission;

pub(super) const ROWS: &[Row] = &[
    Row::new("acl-pubsub-default", Kind::Enum(&["allchannels", "resetchannels"]), "resetchannels"),
    Row::new("aclfile", Kind::Text, "").immutable().vital(),
    Row::new("acllog-max-len", Kind::int(0, I64_MAX), "128"),
    Row::new("enable-debug-command", Kind::Enum(Permission::NAMES), "no")
        .immutable()
        .field(field!(enable_debug_command)),
    Row::new("enable-module-command", Kind::Enum(&["no", "yes", "local"]), "no").immutable().moot(),
    Row::new("enable-protected-configs", Kind::Enum(Permission::NAMES), "no")
        .immutable()
        .field(field!(enable_protected_configs)),
    Row::new("requirepass", Kind::Text, "").secret().field(field!(requirepass)),
    Row::new("tls-auth-clients", Kind::Enum(&["no", "yes", "optional"]), "yes"),
    Row::new("tls-auth-clients-user", Kind::Enum(&["CN", "URI", "off"]), "off").unlisted(),
    Row::new("tls-auto-reload-interval", Kind::int(0, I32_MAX), "0").unlisted(),
    Row::new("tls-ca-cert-dir", Kind::Text, ""),
    Row::new("tls-ca-cert-file", Kind::Text, ""),
    Row::new("tls-cert-file", Kind::Text, ""),
    Row::new("tls-ciphers", Kind::Text, ""),
    Row::new("tls-ciphersuites", Kind::Text, ""),
    Row::new("tls-client-cert-file", Kind::Text, ""),
    Row::new("tls-client-key-file", Kind::Text, ""),
    Row::new("tls-client-key-file-pass", Kind::Text, "").secret(),
    Row::new("tls-cluster", Kind::Bool, "no"),
    Row::new("tls-dh-params-file", Kind::Text, ""),
    Row::new("tls-key-file", Kind::Text, ""),
    Row::new("tls-key-file-pass", Kind::Text, "").secret(),
    Row::new("tls-port", Kind::int(0, 65_535), "0").vital(),
    Row::new("tls-prefer-server-ciphers", Kind::Bool, "no"),
    Row::new("tls-protocols", Kind::Text, ""),
    Row::new("tls-replication", Kind::Bool, "no"),
    Row::new("tls-session-cache-size", Kind::int(0, I32_MAX), "20480"),
    Row::new("tls-session-cache-timeout", Kind::int(0, I32_MAX), "300"),
    Row::new("tls-session-caching", Kind::Bool, "yes"),
];
