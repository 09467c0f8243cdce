//! Commands about secrets: `send`, `open`, `status`, `set`, `burn`, `list`.

pub(crate) mod burn;
pub(crate) mod content;
pub(crate) mod list;
pub(crate) mod open;
pub(crate) mod saved;
pub(crate) mod send;
pub(crate) mod set;
pub(crate) mod shown_link;
pub(crate) mod status;
pub(crate) mod terms;
pub(crate) mod viewing;
