use std::{panic::Location, time::Duration};

use maestro_runtime::clock::monotonic;

const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Asks again and again until the answer is `true`; panics at the caller's line when it is not
/// within `deadline`.
#[track_caller]
pub fn wait_until<F, Fut>(deadline: Duration, mut condition: F) -> impl Future<Output = ()>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let caller = Location::caller();
    async move {
        let started = monotonic();
        let mut pause = Duration::from_millis(1);
        let mut asked = 0_u32;
        loop {
            asked += 1;
            if condition().await {
                return;
            }
            assert!(
                started.elapsed() < deadline,
                "the condition at {caller} did not come true within {deadline:?} (asked {asked} times)"
            );
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
