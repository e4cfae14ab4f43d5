/** What the server answers in place of what was asked, with COS's own codes. */
export class CosError extends Error {
  override readonly name = 'CosError';
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export const errorXml = (error: CosError, resource: string, requestId: string): string =>
  `<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n\t<Code>${error.code}</Code>\n\t<Message>${escapeXml(error.message)}</Message>\n` +
  `\t<Resource>${escapeXml(resource)}</Resource>\n\t<RequestId>${requestId}</RequestId>\n\t<TraceId>${requestId}</TraceId>\n</Error>\n`;
