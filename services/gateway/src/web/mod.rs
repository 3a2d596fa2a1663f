//! What browsers and probes get over plain HTTP.

mod headers;
mod health;
mod ui;

pub(crate) use headers::secure;
pub(crate) use health::router as health_router;
pub(crate) use ui::{Assets, serve as serve_ui};
