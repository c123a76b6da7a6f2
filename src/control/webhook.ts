import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

/** What came of one request: taken, to be tried again, or never to be taken. */
export type Delivery = { outcome: "sent" } | { outcome: "again" | "refused"; why: string };

export interface WebhookRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** One deadline, from the connection to the last octet of the response's head. */
  timeoutMs: number;
}

export type SendWebhook = (request: WebhookRequest) => Promise<Delivery>;

/** RFC 9110 sections 15.5.9 and 15.6, RFC 6585 section 4: the same request may succeed later. */
function deliveryOf(status: number): Delivery {
  if (status >= 200 && status < 300) return { outcome: "sent" };
  const isTransient = status >= 500 || status === 408 || status === 429;
  return { outcome: isTransient ? "again" : "refused", why: `status ${status}` };
}

/** POSTs JSON; never rejects. Redirects are not followed: they would take headers with secrets elsewhere. */
export const sendWebhook: SendWebhook = ({ url, headers, body, timeoutMs }) =>
  new Promise((resolve) => {
    const octets = Buffer.from(body);
    const request = url.startsWith("https:") ? requestHttps : requestHttp;
    const sent = request(url, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/json", ...headers, "content-length": octets.length },
    });
    const end = (delivery: Delivery): void => {
      clearTimeout(timer);
      resolve(delivery);
      sent.destroy();
    };
    const timer = setTimeout(
      () => end({ outcome: "again", why: `no response within ${timeoutMs} ms` }),
      timeoutMs,
    );
    sent.on("response", ({ statusCode = 0 }) => end(deliveryOf(statusCode)));
    sent.on("error", (error: NodeJS.ErrnoException) =>
      end({ outcome: "again", why: error.code ?? error.message }),
    );
    sent.end(octets);
  });
