//! Deliveries and what was decided about them.

use maestro_domain::{
    DeliveryId, ProjectId, Provider, Timestamp,
    event::{DecisionReason, InputProblem, TriggerVerdict},
    explain,
};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    changes::DeliveryKey,
    codec::{column, from_time, read, read_json},
    error::Error,
    model::{ReadModel, bounded},
    page::{Mark, Page, PageRequest, filter_text},
    projections,
};

/// The decision on a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// At least one run was requested.
    Accepted,
    /// Nothing was started; the reason says why.
    Ignored,
    /// It could not be decided and waits for an operator.
    Parked,
}

impl Outcome {
    /// As the table holds it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ignored => "ignored",
            Self::Parked => "parked",
        }
    }

    fn parse(text: String) -> Result<Self, Error> {
        [Self::Accepted, Self::Ignored, Self::Parked]
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or(Error::Corrupt {
                table: "deliveries",
                column: "outcome",
                value: text,
            })
    }
}

/// A decided delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its host and id there.
    pub key: DeliveryKey,
    /// Event name; empty when it could not be read.
    pub event: String,
    /// The payload's action.
    pub action: Option<String>,
    /// The project that takes it.
    pub project_id: Option<ProjectId>,
    /// Slug of that project.
    pub project: Option<String>,
    /// `owner/name`; `None` when it has none or it was erased.
    pub repository: Option<String>,
    /// Login of the sender; `None` when unknown or erased.
    pub sender: Option<String>,
    /// Number of the issue or pull request.
    pub number: Option<u64>,
    /// What was decided.
    pub outcome: Outcome,
    /// Typed reason, for example `no_trigger_matched` or `undecodable`.
    pub reason: String,
    /// The reason as a sentence.
    pub explanation: &'static str,
    /// Every trigger that was considered.
    pub triggers: Vec<TriggerVerdict>,
    /// When it was stored; `None` when that could not be read.
    pub received_at: Option<Timestamp>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Sequence in DELIVERIES.
    pub stream_sequence: u64,
    /// Revision of the log that decided it.
    pub revision: u64,
}

/// Which deliveries are wanted. Every empty field means any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Slug of the project.
    pub project: String,
    /// `owner/name`, in any case.
    pub repository: String,
    /// Event name.
    pub event: String,
    /// The decision.
    pub outcome: Option<Outcome>,
}

struct Row {
    provider: String,
    id: String,
    event: String,
    action: Option<String>,
    project_id: Option<Uuid>,
    project: Option<String>,
    #[allow(dead_code, reason = "a column that is not shown")]
    repository_id: Option<i64>,
    repository: Option<String>,
    #[allow(dead_code, reason = "a column that is not shown")]
    sender_id: Option<i64>,
    sender: Option<String>,
    number: Option<i64>,
    outcome: String,
    reason: String,
    verdicts: Value,
    received_at: Option<OffsetDateTime>,
    decided_at: OffsetDateTime,
    stream_sequence: i64,
    revision: i64,
}

impl ReadModel {
    /// Deliveries that match `filter`, last decided first.
    ///
    /// # Errors
    /// [`Error::PageToken`] and [`Error::Invalid`] for a request that cannot be answered,
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn list_deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<Delivery>, Error> {
        let outcome = filter.outcome.map(Outcome::as_str);
        let mark = Mark::new(
            projections::DELIVERIES,
            &[
                &filter.project,
                &filter.repository,
                &filter.event,
                outcome.unwrap_or_default(),
            ],
        );
        let limit = page.limit()?;
        let (before, id) = page
            .key(&mark)?
            .map(|key| read_key(&key))
            .transpose()?
            .unzip();
        let revision = self.revision(projections::DELIVERIES).await?;
        let rows = sqlx::query_file_as!(
            Row,
            "queries/deliveries_list.sql",
            filter_text("project", &filter.project)?,
            filter_text("repository", &filter.repository)?,
            filter_text("event", &filter.event)?,
            outcome,
            before,
            id,
            i64::from(limit) + 1
        );
        let rows = bounded(rows.fetch_all(self.queries())).await?;
        let rows = rows
            .into_iter()
            .map(Delivery::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(mark.page(rows, limit, revision, write_key))
    }

    /// One delivery; `None` when it was not decided (yet).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn get_delivery(&self, key: &DeliveryKey) -> Result<Option<Delivery>, Error> {
        let row = sqlx::query_as!(
            Row,
            "select * from deliveries where provider = $1 and id = $2",
            key.provider.as_str(),
            key.id.as_str()
        );
        bounded(row.fetch_optional(self.queries()))
            .await?
            .map(TryInto::try_into)
            .transpose()
    }

    /// Those of the deliveries that are decided, in no particular order.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres is away.
    pub async fn get_deliveries(
        &self,
        keys: impl IntoIterator<Item = DeliveryKey>,
    ) -> Result<Vec<Delivery>, Error> {
        let keys: Vec<DeliveryKey> = keys.into_iter().collect();
        let rows = sqlx::query_as!(
            Row,
            "select d.* from unnest($1::text[], $2::text[]) as wanted (provider, id)
             join deliveries d using (provider, id)",
            &column(&keys, |key| key.provider.to_string()),
            &column(&keys, |key| key.id.to_string()),
        );
        let rows = bounded(rows.fetch_all(self.queries())).await?;
        rows.into_iter().map(Delivery::try_from).collect()
    }
}

impl TryFrom<Row> for Delivery {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let outcome = Outcome::parse(row.outcome)?;
        let reason = || row.reason.clone();
        let explanation = match outcome {
            Outcome::Parked => {
                explain::problem(read::<InputProblem>("deliveries", "reason", reason())?)
            }
            _ => explain::decision(read::<DecisionReason>("deliveries", "reason", reason())?),
        };
        Ok(Self {
            key: DeliveryKey {
                provider: read::<Provider>("deliveries", "provider", row.provider)?,
                id: read::<DeliveryId>("deliveries", "id", row.id)?,
            },
            event: row.event,
            action: row.action,
            project_id: row.project_id.map(ProjectId::new),
            project: row.project,
            repository: row.repository,
            sender: row.sender,
            number: row.number.map(i64::cast_unsigned),
            outcome,
            reason: row.reason,
            explanation,
            triggers: read_json("deliveries", "verdicts", row.verdicts)?,
            received_at: row.received_at.map(from_time),
            decided_at: from_time(row.decided_at),
            stream_sequence: row.stream_sequence.cast_unsigned(),
            revision: row.revision.cast_unsigned(),
        })
    }
}

fn write_key(delivery: &Delivery) -> Vec<u8> {
    [
        &delivery.revision.to_be_bytes()[..],
        delivery.key.id.as_str().as_bytes(),
    ]
    .concat()
}

fn read_key(key: &[u8]) -> Result<(i64, String), Error> {
    let (revision, id) = key.split_first_chunk::<8>().ok_or(Error::PageToken)?;
    let id = std::str::from_utf8(id)
        .ok()
        .and_then(|id| id.parse::<DeliveryId>().ok());
    let id = id.ok_or(Error::PageToken)?;
    Ok((u64::from_be_bytes(*revision).cast_signed(), id.to_string()))
}
