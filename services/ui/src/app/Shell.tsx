import { useEffect, useRef } from "react";
import { NavLink, Outlet, useLocation } from "react-router";
import { LiveIndicator } from "../features/live/LiveIndicator";
import { LiveProvider } from "../features/live/LiveProvider";
import { StatusBanner } from "../features/system/StatusBanner";
import { useKeyboard } from "../lib/useKeyboard";
import { text } from "../text";
import { AccountMenu } from "./AccountMenu";
import { Brand } from "./Brand";
import { ColorSchemeToggle } from "./ColorSchemeToggle";
import classes from "./Shell.module.css";

const pages = [
  { to: "/runs", label: text.shell.runs },
  { to: "/deliveries", label: text.shell.deliveries },
  { to: "/slots", label: text.shell.slots },
];

/** The frame of every page behind the sign-in. */
export function Shell() {
  useKeyboard();
  const main = useFocusOnNavigation();
  return (
    <LiveProvider>
      <a className={classes.skip} href="#content">
        {text.shell.skip}
      </a>
      <header className={classes.header}>
        <div className={classes.bar}>
          <NavLink to="/runs" className={classes.home}>
            <Brand />
          </NavLink>
          <nav aria-label={text.shell.navigation} className={classes.nav}>
            {pages.map(({ to, label }) => (
              <NavLink key={to} to={to} className={classes.page}>
                {label}
              </NavLink>
            ))}
          </nav>
          <div className={classes.tools}>
            <LiveIndicator />
            <ColorSchemeToggle />
            <AccountMenu />
          </div>
        </div>
      </header>
      <main id="content" tabIndex={-1} ref={main}>
        <div className={classes.content}>
          <StatusBanner />
          <Outlet />
        </div>
      </main>
    </LiveProvider>
  );
}

/** A new page starts at its top, for the eye and for the keyboard. */
function useFocusOnNavigation() {
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname]);
  return main;
}
