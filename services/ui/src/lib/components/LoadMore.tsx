import { Button, Group, Text } from "@mantine/core";
import { text } from "../../text";

interface Props {
  shown: number;
  hasMore: boolean;
  loading: boolean;
  onLoad: () => unknown;
}

/** The foot of a keyset list: how many rows stand here and the way to older ones. */
export function LoadMore({ shown, hasMore, loading, onLoad }: Props) {
  return (
    <Group justify="center" gap="md" py="md">
      <Text size="xs" c="dimmed" role="status">
        {hasMore ? text.common.shown(shown) : text.common.all(shown)}
      </Text>
      {hasMore && (
        <Button size="xs" variant="default" loading={loading} onClick={() => onLoad()}>
          {text.common.loadMore}
        </Button>
      )}
    </Group>
  );
}
