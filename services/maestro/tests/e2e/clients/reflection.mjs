// Lists runs with nothing but an address, a token and what the server says about itself.
import { credentials, Metadata } from "@grpc/grpc-js";
import { GrpcReflection } from "grpc-js-reflection-client";

const { ADDRESS, TOKEN } = process.env;
const plain = credentials.createInsecure();
const metadata = new Metadata();
metadata.set("authorization", `Bearer ${TOKEN}`);

const reflection = new GrpcReflection(ADDRESS, plain);
const services = await reflection.listServices("*", metadata);
const descriptor = await reflection.getDescriptorBySymbol("maestro.v1.RunService", metadata);
const { maestro } = descriptor.getPackageObject({ longs: String, enums: String });
const client = new maestro.v1.RunService(ADDRESS, plain);

const call = (method, request) =>
  new Promise((resolve, reject) => {
    client[method](request, metadata, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
const runs = [];
let pageToken = "";
let pages = 0;
do {
  // Fields have the names of the contract.
  const page = await call("listRuns", { page: { page_size: 2, page_token: pageToken } });
  runs.push(...page.runs);
  pages += 1;
  pageToken = page.next_page_token;
} while (pageToken);
console.log(JSON.stringify({ services, runs, pages }));
