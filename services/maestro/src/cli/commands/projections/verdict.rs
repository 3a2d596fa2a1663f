//! What became of jobs.

use maestro_readmodel::{Finding, Job, JobKind, JobState};
use serde_json::Value;

use crate::cli::{
    failure::{Failure, Kind},
    output::{Output, Paint, text_of},
};

/// Fails when a job did, or a row differs from what the log says.
pub(super) fn judge(jobs: &[Job]) -> Result<(), Failure> {
    if jobs.iter().any(|job| job.state != JobState::Done) {
        return Err(Failure::new(
            Kind::Failed,
            "not everything was done: see above",
        ));
    }
    if jobs
        .iter()
        .filter_map(|job| job.finding.as_ref())
        .any(|f| !f.only_texts)
    {
        let message = "rows differ from what the log says: see above; \
                       `maestro projections rebuild NAME` makes them right";
        return Err(Failure::new(Kind::Failed, message));
    }
    Ok(())
}

pub(super) fn render(output: Output, jobs: &[Job]) -> String {
    let mut table = output.table(&["PROJECTION", "VERSION", "REVISION", "RESULT"]);
    for job in jobs {
        let (good, result) = result(job);
        let paint = if good { Paint::Good } else { Paint::Bad };
        table.add_row(vec![
            job.projection.as_str().into(),
            job.version.into(),
            job.revision.into(),
            paint.cell(result),
        ]);
    }
    text_of(&table)
}

fn result(job: &Job) -> (bool, String) {
    match (job.state, &job.message, &job.finding) {
        (JobState::Done, _, Some(finding)) => (finding.only_texts, sentence(finding)),
        (JobState::Done, ..) if job.kind == JobKind::Verify => (true, "no difference".to_owned()),
        (JobState::Done, ..) => (true, "rebuilt".to_owned()),
        (state, Some(why), _) => (false, format!("{}: {why}", state.as_str())),
        (state, None, _) => (false, state.as_str().to_owned()),
    }
}

/// A finding in words.
fn sentence(finding: &Finding) -> String {
    let (table, key) = (&finding.table, &finding.key);
    let more = match finding.ranges {
        1 => String::new(),
        ranges => format!(" (and in {} of 256 ranges of keys)", ranges),
    };
    let null = Value::Null;
    let said = match &finding.column {
        Some(column) if finding.only_texts => {
            format!("{table} {key}: {column} changed in the vault since; a rebuild refreshes it")
        }
        Some(column) => format!(
            "{table} {key}: {column} is {}, but the log says {}",
            finding.live.as_ref().unwrap_or(&null),
            finding.rebuilt.as_ref().unwrap_or(&null)
        ),
        None if finding.live.is_some() => {
            format!("{table} {key}: the log knows no such row")
        }
        None => format!("{table} {key}: the row is missing"),
    };
    said + &more
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn finding() -> Finding {
        Finding {
            projection: "runs".to_owned(),
            table: "runs".to_owned(),
            key: json!({"id": 7}),
            column: Some("status".to_owned()),
            live: Some(json!("failed")),
            rebuilt: Some(json!("succeeded")),
            only_texts: false,
            ranges: 1,
        }
    }

    #[test]
    fn a_difference_is_named_with_both_values() {
        let said = sentence(&finding());
        assert_eq!(
            said,
            r#"runs {"id":7}: status is "failed", but the log says "succeeded""#
        );
        let null = Finding {
            live: None,
            ranges: 3,
            ..finding()
        };
        assert_eq!(
            sentence(&null),
            r#"runs {"id":7}: status is null, but the log says "succeeded" (and in 3 of 256 ranges of keys)"#
        );
    }

    #[test]
    fn rows_missing_and_too_many_and_texts_are_told_apart() {
        let missing = Finding {
            column: None,
            live: None,
            ..finding()
        };
        assert!(sentence(&missing).ends_with("the row is missing"));
        let too_many = Finding {
            column: None,
            rebuilt: None,
            ..finding()
        };
        assert!(sentence(&too_many).ends_with("the log knows no such row"));
        let text = Finding {
            only_texts: true,
            ..finding()
        };
        assert!(sentence(&text).contains("changed in the vault"));
    }
}
