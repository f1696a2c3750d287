//! What a running controller reports about itself: metrics, and whether it is healthy and ready.
//!
//! ```text
//! loop ─► RunFigures ─┐
//! Leadership ─────────┼─► ControllerMetrics ─► answer ─► MetricsServer
//! Registries ─────────┘      (shared)        (a page)   (its own thread)
//! ```
//!
//! The loop hands over plain figures every few seconds. Whatever must be true at the moment of
//! the request is computed then: whether this replica leads, and how long ago the loop last
//! turned. The server has a thread of its own, so it also answers while the loop is stuck.

mod answer;
mod controller_metrics;
mod figures;
mod health;
mod histogram;
mod metric;
mod server;
mod text;

pub use self::controller_metrics::{ControllerMetrics, WatchState};
pub use self::figures::{RunCounts, RunFigures, RunGauges};
pub use self::metric::{Metric, MetricKind};
pub use self::server::{MetricsServer, listen};
