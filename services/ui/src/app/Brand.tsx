import classes from "./Brand.module.css";

export function Brand() {
  return (
    <span className={classes.brand}>
      <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
        <rect width="32" height="32" rx="7" className={classes.tile} />
        <path d="M8 23V9.5l8 8 8-8V23" className={classes.stroke} />
      </svg>
      Maestro
    </span>
  );
}
