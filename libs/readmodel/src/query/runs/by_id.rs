//! Many runs at once, for those who watch.

use maestro_domain::RunId;
use uuid::Uuid;

use super::Run;
use crate::{
    error::Error,
    model::{ReadModel, bounded},
    projections::RunRow,
};

impl ReadModel {
    /// The runs that exist among `ids`, in no particular order and without their timelines.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn runs_by_id(
        &self,
        ids: impl IntoIterator<Item = RunId>,
    ) -> Result<Vec<Run>, Error> {
        let ids: Vec<Uuid> = ids.into_iter().map(RunId::uuid).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query_as!(RunRow, "select * from runs where id = any($1)", &ids);
        let rows = bounded(rows.fetch_all(self.queries())).await?;
        rows.into_iter().map(Run::try_from).collect()
    }
}
