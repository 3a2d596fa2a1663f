import { createBrowserRouter, Navigate, type RouteObject } from "react-router";
import { DeliveriesPage } from "../features/deliveries/DeliveriesPage";
import { DeliveryPage } from "../features/deliveries/DeliveryPage";
import { RunPage } from "../features/runs/RunPage";
import { RunsPage } from "../features/runs/RunsPage";
import { LoginPage } from "../features/session/LoginPage";
import { RequireSession } from "../features/session/SessionProvider";
import { SlotsPage } from "../features/slots/SlotsPage";
import { NotFoundPage, RouteError } from "./RouteError";
import { Shell } from "./Shell";

/** The addresses of the application. */
export function routes(loginCode: string | null): RouteObject[] {
  return [
    {
      errorElement: <RouteError />,
      children: [
        { path: "/login", element: <LoginPage initialCode={loginCode} /> },
        {
          element: <RequireSession />,
          children: [
            {
              element: <Shell />,
              children: [
                {
                  errorElement: <RouteError />,
                  children: [
                    { path: "/", element: <Navigate to="/runs" replace /> },
                    { path: "/runs", element: <RunsPage /> },
                    { path: "/runs/:id", element: <RunPage /> },
                    { path: "/deliveries", element: <DeliveriesPage /> },
                    { path: "/deliveries/:id", element: <DeliveryPage /> },
                    { path: "/slots", element: <SlotsPage /> },
                    { path: "*", element: <NotFoundPage /> },
                  ],
                },
              ],
            },
          ],
        },
      ],
    },
  ];
}

export type AppRouter = ReturnType<typeof createBrowserRouter>;

export function createRouter(loginCode: string | null): AppRouter {
  return createBrowserRouter(routes(loginCode));
}
