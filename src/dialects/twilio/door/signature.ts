/**
 * Whether a webhook is Twilio's: HMAC-SHA1 by the account's auth token of the URL as Twilio knows it, followed by the body's
 * parameters in the order of their names (https://www.twilio.com/docs/usage/security#validating-requests). Of a name that comes
 * more than once each value counts once, in order, as in Twilio's own libraries.
 */
const encoder = new TextEncoder();
const SHA1_BYTES = 20;

/** Constant in time. @param given `X-Twilio-Signature`. */
export async function isSigned(
  authToken: string,
  url: string,
  parameters: URLSearchParams,
  given: string,
): Promise<boolean> {
  const algorithm = { name: "HMAC", hash: "SHA-1" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(authToken), algorithm, false, ["sign"]);
  const bytes = signatureBytes(given);
  let signed = false;
  for (const each of spellings(url)) {
    const text = encoder.encode(each + written(parameters));
    const own = new Uint8Array(await crypto.subtle.sign("HMAC", key, text));
    signed = crypto.subtle.timingSafeEqual(own, bytes) || signed;
  }
  return signed;
}

/** What is no signature is compared like one. */
function signatureBytes(given: string): Uint8Array {
  try {
    const bytes = Uint8Array.fromBase64(given);
    if (bytes.byteLength === SHA1_BYTES) return bytes;
  } catch {
    // Not even base64.
  }
  return new Uint8Array(SHA1_BYTES);
}

/** Twilio has signed with the port and without it, whichever it is: its libraries try both. */
function spellings(url: string): readonly string[] {
  const match = /^(https?):\/\/([^/?#]+)(.*)$/.exec(url);
  if (match === null) return [url];
  const [, scheme = "", host = "", rest = ""] = match;
  const bare = host.replace(/:\d+$/, "");
  const port = scheme === "https" ? ":443" : ":80";
  const other = bare === host ? host + port : bare;
  return [url, `${scheme}://${other}${rest}`];
}

function written(parameters: URLSearchParams): string {
  const names = [...new Set(parameters.keys())].toSorted(byCodeUnits);
  return names
    .map((name) =>
      [...new Set(parameters.getAll(name))]
        .toSorted(byCodeUnits)
        .map((value) => name + value)
        .join(""),
    )
    .join("");
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
