// customerio-node, as its documentation has it: it speaks https and nothing else.
import { TrackClient } from "customerio-node";

const { SITE_ID, SECRET, HOST, TLS_PORT, WHEN_SECONDS } = process.env;
const client = new TrackClient(SITE_ID, SECRET, { url: `https://${HOST}/api/v1`, port: Number(TLS_PORT) });
const timestamp = Number(WHEN_SECONDS);
await client.identify("ada/lovelace", { plan: "gold" });
await client.track("ada/lovelace", { name: "Order Completed", data: { amount: 39.95 }, timestamp });
await client.trackAnonymous("visitor-1", { name: "Looked", data: { shelf: "red" } });
await client.trackPageView("ada/lovelace", "https://shop.example/");
await client.addDevice("ada/lovelace", "device-1", "ios", { primary: true });
await client.deleteDevice("ada/lovelace", "device-1");
await client.suppress("ada/lovelace");
await client.unsuppress("ada/lovelace");
await client.mergeCustomers("id", "ada/lovelace", "email", "ada@old.example");
await client.destroy("ada/lovelace");
