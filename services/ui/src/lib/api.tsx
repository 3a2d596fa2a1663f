import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createContext, type ReactNode, useContext } from "react";
import { DeliveryService } from "../gen/maestro/v1/deliveries_pb";
import { LiveService } from "../gen/maestro/v1/live_pb";
import { RunService } from "../gen/maestro/v1/runs_pb";
import { SlotService } from "../gen/maestro/v1/slots_pb";
import { SystemService } from "../gen/maestro/v1/system_pb";

/** The clients of the gateway's services. */
export interface Api {
  runs: Client<typeof RunService>;
  deliveries: Client<typeof DeliveryService>;
  slots: Client<typeof SlotService>;
  live: Client<typeof LiveService>;
  system: Client<typeof SystemService>;
}

export function createApi(transport: Transport): Api {
  return {
    runs: createClient(RunService, transport),
    deliveries: createClient(DeliveryService, transport),
    slots: createClient(SlotService, transport),
    live: createClient(LiveService, transport),
    system: createClient(SystemService, transport),
  };
}

const ApiContext = createContext<Api | null>(null);

export function ApiProvider({ api, children }: { api: Api; children: ReactNode }) {
  return <ApiContext value={api}>{children}</ApiContext>;
}

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (!api) throw new Error("useApi needs an ApiProvider above it");
  return api;
}
