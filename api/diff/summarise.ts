import type { DiffSummary, FileChange } from '../../tasks/diff-summary.ts';
import { headerPath, sidePath, unquotePath } from './git-path.ts';

const HUNK = /^@@ -[0-9]+(?:,([0-9]+))? \+[0-9]+(?:,([0-9]+))? @@/;

const lineCount = (printed: string | undefined): number => (printed === undefined ? 1 : Number(printed));

/** One line of a file's header. Whatever isn't known is left alone: git adds lines now and then. */
const readHeader = (file: FileChange, line: string): void => {
  const [, word = '', rest = ''] =
    /^(rename from|rename to|copy from|copy to|new file mode|deleted file mode|old mode|---|\+\+\+|GIT binary patch|Binary files|@@)(?: (.*))?$/s.exec(
      line,
    ) ?? [];
  switch (word) {
    case 'rename from':
    case 'copy from':
      file.old_path = unquotePath(rest);
      break;
    case 'rename to':
    case 'copy to':
      file.path = unquotePath(rest);
      file.status = word === 'copy to' ? 'copied' : 'renamed';
      break;
    case 'new file mode':
      file.status = 'added';
      break;
    case 'deleted file mode':
      file.status = 'deleted';
      break;
    case 'old mode':
      file.status = 'mode_changed';
      break;
    case '---':
    case '+++':
      file.path = sidePath(rest) ?? file.path;
      break;
    case 'GIT binary patch':
    case 'Binary files':
      file.binary = true;
      break;
  }
};

/** A mode that changes along with the content is a modification. */
const closeFile = (file: FileChange): FileChange =>
  file.status === 'mode_changed' && (file.binary || file.additions + file.deletions > 0) ? { ...file, status: 'modified' } : file;

/**
 * What a patch as `git diff --binary` prints it changes. Lines come as Latin-1, so that no byte is lost, and without their `\n`.
 * Hunks are counted by their headers: a changed line that looks like a header is none.
 */
export const summariseDiff = async (lines: AsyncIterable<string>): Promise<DiffSummary> => {
  const files: FileChange[] = [];
  let file: FileChange | null = null;
  let oldLeft = 0;
  let newLeft = 0;
  for await (const line of lines) {
    if (file !== null && (oldLeft > 0 || newLeft > 0)) {
      const mark = line[0];
      if (mark === '+') file.additions += 1;
      if (mark === '-') file.deletions += 1;
      if (mark !== '+' && mark !== '\\') oldLeft -= 1;
      if (mark !== '-' && mark !== '\\') newLeft -= 1;
      continue;
    }
    if (line.startsWith('diff --git ')) {
      if (file !== null) files.push(closeFile(file));
      const path = headerPath(line.slice('diff --git '.length));
      file = { path, old_path: null, status: 'modified', additions: 0, deletions: 0, binary: false };
      continue;
    }
    const hunk = HUNK.exec(line);
    if (hunk !== null) {
      oldLeft = lineCount(hunk[1]);
      newLeft = lineCount(hunk[2]);
    } else if (file !== null) readHeader(file, line);
  }
  if (file !== null) files.push(closeFile(file));
  const sum = (count: (change: FileChange) => number) => files.reduce((total, change) => total + count(change), 0);
  return { files, stats: { files: files.length, additions: sum((one) => one.additions), deletions: sum((one) => one.deletions) } };
};
