import { ActionIcon, Menu } from "@mantine/core";
import { IconKeyboard, IconLogout, IconUser } from "@tabler/icons-react";
import { useSession, useSignOut } from "../features/session/SessionProvider";
import { text } from "../text";

export function AccountMenu() {
  const { user } = useSession();
  const signOut = useSignOut();
  return (
    <Menu position="bottom-end" width={260}>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={text.shell.account(user.name)}
        >
          <IconUser size={18} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{user.name}</Menu.Label>
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => signOut()}>
          {text.shell.signOut}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>
          <IconKeyboard size={14} aria-hidden /> {text.shell.keyboard}
        </Menu.Label>
      </Menu.Dropdown>
    </Menu>
  );
}
