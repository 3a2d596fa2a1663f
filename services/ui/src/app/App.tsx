import { createTheme, MantineProvider, Tooltip } from "@mantine/core";
import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "react-router";
import { type Api, ApiProvider } from "../lib/api";
import type { AppRouter } from "./router";

const theme = createTheme({
  respectReducedMotion: true,
  components: {
    Tooltip: Tooltip.extend({
      defaultProps: { openDelay: 300, events: { hover: true, focus: true, touch: false } },
    }),
  },
});

interface Props {
  api: Api;
  client: QueryClient;
  router: AppRouter;
}

/**
 * The whole application. Mantine injects no style elements: its variables and ours are static style
 * sheets, so that a Content-Security-Policy needs no exception.
 */
export function App({ api, client, router }: Props) {
  return (
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
      withStaticClasses={false}
    >
      <QueryClientProvider client={client}>
        <ApiProvider api={api}>
          <RouterProvider router={router} />
        </ApiProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}
