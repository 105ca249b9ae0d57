//! Placeholder of the delivery crate's surface, until it is written.
use std::sync::Arc;
use std::time::Duration;
pub struct LogQuery { pub event: Option<String>, pub endpoint: Option<String>, pub limit: usize }
pub fn log(_: &api::View<'_>, _: &LogQuery) -> api::Result<api::Json> { Ok(api::Json::Null) }
pub struct Forward { pub url: String, pub secret: String }
impl Forward { pub fn new(_: Option<&str>, _: Option<&str>, _: &store::seal::Sealer) -> Result<Option<Forward>, String> { Ok(None) } }
pub struct Delivery;
impl Delivery {
    pub fn start(_: Arc<api::App>, _: Arc<store::sqlite::Database>, _: store::Committer, _: Arc<store::Registry>, _: Option<Forward>) -> Arc<Delivery> { Arc::new(Delivery) }
    pub fn next_due(&self, _: &Arc<store::Workspace>) -> store::Result<Option<i64>> { Ok(None) }
    pub async fn flush_due(&self, _: Arc<store::Workspace>) {}
    pub async fn wait(&self, _: Arc<store::Workspace>, _: Duration) -> usize { 0 }
    pub fn forget(&self, _: &store::Workspace) {}
    pub fn forward(&self) -> Option<&Forward> { None }
    pub fn committed(&self, _: store::Notice) {}
    pub fn resume(&self) {}
    pub async fn stop(&self) {}
}
