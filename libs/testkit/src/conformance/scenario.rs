//! The scenarios by name.

use super::{Laboratory, basics, ends, faults, losses, output, survival};

/// What a scenario cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// [`Laboratory::folder`].
    Folder,
    /// [`Laboratory::cluster`].
    Cluster,
}

impl Need {
    /// Why a laboratory cannot perform it; `None` when it can.
    fn lacking<L: Laboratory>(self, lab: &L) -> Option<&'static str> {
        match self {
            Self::Folder if lab.folder().is_none() => {
                Some("there is no folder shared with the executions")
            }
            Self::Cluster if lab.cluster().is_none() => Some("nobody steers the cluster"),
            _ => None,
        }
    }
}

macro_rules! scenarios {
    ($($variant:ident = $module:ident::$function:ident, $need:ident;)*) => {
        /// A scenario.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is documented where it is written")]
        pub enum Scenario {
            $($variant,)*
        }

        impl Scenario {
            /// All.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What it is called.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($function),)*
                }
            }

            /// What it cannot do without.
            #[must_use]
            pub const fn need(self) -> Need {
                match self {
                    $(Self::$variant => Need::$need,)*
                }
            }

            async fn perform<L: Laboratory>(self, lab: &L) {
                match self {
                    $(Self::$variant => $module::$function(lab).await,)*
                }
            }
        }
    };
}

scenarios! {
    Success = basics::success, Nothing;
    ExitCode = basics::exit_code, Nothing;
    CommandNotFound = basics::command_not_found, Nothing;
    Environment = basics::environment, Nothing;
    Prompt = basics::prompt, Nothing;
    BigPrompt = basics::big_prompt, Nothing;
    LiteralText = basics::literal_text, Nothing;
    RepeatedStart = basics::repeated_start, Folder;
    RefusedClaim = basics::refused_claim, Folder;
    FullEnv = basics::full_env, Nothing;
    Deadline = ends::deadline, Nothing;
    CancelWhileRunning = ends::cancel_while_running, Nothing;
    CancelIgnored = ends::cancel_of_what_ignores_it, Nothing;
    CancelSoon = ends::cancel_as_soon_as_it_is_claimed, Nothing;
    CancelBeforeStart = ends::cancel_before_the_pod_has_a_node, Cluster;
    Follow = output::follow, Nothing;
    Ansi = output::ansi, Nothing;
    Masking = output::masking, Nothing;
    Cap = output::cap, Nothing;
    LongLines = output::long_lines, Nothing;
    KilledExecutor = survival::killed_executor, Nothing;
    StoppedExecutor = survival::stopped_executor_with_a_standby, Nothing;
    NobodyWatched = survival::ended_while_nobody_watched, Folder;
    Evicted = losses::evicted, Cluster;
    Drained = losses::drained, Cluster;
    Preempted = losses::preempted, Cluster;
    OutOfMemory = losses::out_of_memory, Cluster;
    NodeLost = losses::node_lost, Cluster;
    ImagePull = losses::image_pull, Cluster;
    Unschedulable = losses::unschedulable, Cluster;
    PodDeleted = losses::pod_deleted, Cluster;
    JobDeleted = losses::job_deleted, Cluster;
    LostWhileNobodyWatched = losses::lost_while_nobody_watched, Cluster;
    Denied = losses::denied_by_a_webhook, Cluster;
    ApiErrors = faults::api_errors, Cluster;
    HistoryCompacted = faults::history_compacted, Cluster;
}

impl Scenario {
    /// Performs the scenario; it panics where the backend is wrong. A laboratory that lacks what
    /// it needs skips it: the reason is returned.
    pub async fn run<L: Laboratory>(self, lab: &L) -> Result<(), &'static str> {
        if let Some(why) = self.need().lacking(lab) {
            return Err(why);
        }
        self.perform(lab).await;
        Ok(())
    }
}
