import type { request as requestHttp } from "node:http";

/** What came of one request: taken, to be tried again, or never to be taken. */
export type Delivery =
  | { outcome: "sent" }
  /** `afterMs`: the receiver asks for so much time; absent: it says nothing. */
  | { outcome: "again"; why: string; afterMs?: number }
  | { outcome: "refused"; why: string };

export interface WebhookRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** One deadline, from the connection to the last octet of the response's head. */
  timeoutMs: number;
}

export type SendWebhook = (request: WebhookRequest) => Promise<Delivery>;

/** RFC 9110 sections 15.5.9 and 15.6, RFC 6585 section 4: the same request may succeed later. */
function deliveryOf(status: number, retryAfter: string | undefined): Delivery {
  if (status >= 200 && status < 300) return { outcome: "sent" };
  const why = `status ${status}`;
  if (status < 500 && status !== 408 && status !== 429) return { outcome: "refused", why };
  const afterMs = retryAfterMs(retryAfter, Date.now());
  return { outcome: "again", why, ...(afterMs === null ? {} : { afterMs }) };
}

/** RFC 9110 section 10.2.3: seconds, or a date. Null: neither is said. */
export function retryAfterMs(text: string | undefined, wallMs: number): number | null {
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const dateMs = text.endsWith(" GMT") ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dateMs) ? null : Math.max(0, dateMs - wallMs);
}

/** POSTs JSON; never rejects. Redirects are not followed: they would take headers with secrets elsewhere. */
export const sendWebhook: SendWebhook = async (webhook) => {
  // Not before there is something to tell: both take time at the start.
  const { request } = await (webhook.url.startsWith("https:") ? import("node:https") : import("node:http"));
  return await post(request, webhook);
};

function post(
  request: typeof requestHttp,
  { url, headers, body, timeoutMs }: WebhookRequest,
): Promise<Delivery> {
  return new Promise((resolve) => {
    const octets = Buffer.from(body);
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
    sent.on("response", ({ statusCode = 0, headers: said }) =>
      end(deliveryOf(statusCode, said["retry-after"])),
    );
    sent.on("error", (error: NodeJS.ErrnoException) =>
      end({ outcome: "again", why: error.code ?? error.message }),
    );
    sent.end(octets);
  });
}
