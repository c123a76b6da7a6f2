import { describe, expect, it } from "vitest";
import { hostName, hostOfAddress, isHostHeader, isRequestTarget } from "./request-text.ts";

describe("row 65: text that goes into a request", () => {
  it.each(["/", "/healthz", "/a?b=c&d=%20", "/~x/(y);z=1,2", '/"quoted"'])("takes the path %s", (path) => {
    expect(isRequestTarget(path)).toBe(true);
  });

  it.each(["", "healthz", "/a b", "/a\r\nX: y", "/a\n", "/a\0", "/a#b", "/grün", `/${"x".repeat(2_048)}`])(
    "refuses the path %j",
    (path) => {
      expect(isRequestTarget(path)).toBe(false);
    },
  );

  it.each(["example.com", "example.com:8080", "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[::1]:443"])(
    "takes the host %s",
    (host) => {
      expect(isHostHeader(host)).toBe(true);
    },
  );

  it.each(["", "a b", "a\r\nX: y", "a/b", "user@host", "2001:db8::1", "a:port", "[x]", "a".repeat(256)])(
    "refuses the host %j",
    (host) => {
      expect(isHostHeader(host)).toBe(false);
    },
  );

  it("names the host of an address with its port where it is not the scheme's own", () => {
    expect(hostOfAddress("192.0.2.1", 4, 80, 80)).toBe("192.0.2.1");
    expect(hostOfAddress("192.0.2.1", 4, 8080, 80)).toBe("192.0.2.1:8080");
    expect(hostOfAddress("2001:db8::1", 6, 443, 443)).toBe("[2001:db8::1]");
    expect(hostOfAddress("2001:db8::1", 6, 8443, 443)).toBe("[2001:db8::1]:8443");
  });

  it("takes the certificate's name from a host header", () => {
    expect(hostName("example.com")).toBe("example.com");
    expect(hostName("example.com.:8443")).toBe("example.com");
    expect(hostName("[2001:db8::1]:443")).toBe("2001:db8::1");
    expect(hostName("192.0.2.1:443")).toBe("192.0.2.1");
    expect(hostName("")).toBe("");
  });
});
