//! One replica's connection on its primary's side, from PSYNC to its end.

use std::rc::Rc;

use crate::engine::session::SessionHandle;
use crate::node::shared::Shared;
use crate::runtime::Runtime;

/// Serves a replica to the end of its connection. `unsent`: replies from before; `input`: what came behind its request.
pub(in crate::node) async fn serve<R: Runtime>(
    shared: &Rc<Shared<R>>,
    stream: R::Stream,
    client: SessionHandle,
    unsent: Vec<u8>,
    input: Vec<u8>,
) {
    let _ = (shared, stream, client, unsent, input);
}
