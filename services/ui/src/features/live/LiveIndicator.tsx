import { text } from "../../text";
import classes from "./LiveIndicator.module.css";
import { useLiveState } from "./LiveProvider";

/** Whether what is shown follows the server. */
export function LiveIndicator() {
  const state = useLiveState();
  return (
    <span role="status" className={classes.indicator} data-state={state}>
      <span className={classes.dot} aria-hidden />
      {text.live[state]}
    </span>
  );
}
