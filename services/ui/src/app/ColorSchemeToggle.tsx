import { ActionIcon, type MantineColorScheme, Tooltip, useMantineColorScheme } from "@mantine/core";
import { IconDeviceDesktop, IconMoon, IconSun } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { text } from "../text";

const schemes: Record<
  MantineColorScheme,
  { next: MantineColorScheme; label: string; icon: ReactNode }
> = {
  auto: { next: "light", label: text.shell.schemeAuto, icon: <IconDeviceDesktop size={18} /> },
  light: { next: "dark", label: text.shell.schemeLight, icon: <IconSun size={18} /> },
  dark: { next: "auto", label: text.shell.schemeDark, icon: <IconMoon size={18} /> },
};

/** Goes round system, light and dark; the choice is kept in this browser. */
export function ColorSchemeToggle() {
  // Without this, Mantine would inject a style element to suppress transitions.
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const { next, label, icon } = schemes[colorScheme];
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={label}
        onClick={() => setColorScheme(next)}
      >
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}
