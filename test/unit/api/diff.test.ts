import { linesOf } from '../../../api/diff/lines.ts';
import { summariseDiff } from '../../../api/diff/summarise.ts';

const summarise = async (patch: string) => {
  async function* chunks() {
    const bytes = Buffer.from(patch);
    // Cut at odd places: nothing may depend on where a chunk ends.
    for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
  }
  return summariseDiff(linesOf(chunks()));
};

const rows: readonly { readonly name: string; readonly patch: string; readonly files: readonly object[] }[] = [
  { name: 'nothing', patch: '', files: [] },
  {
    name: 'a modified file, with changed lines that look like headers',
    patch: `diff --git a/a.md b/a.md
index 1..2 100644
--- a/a.md
+++ b/a.md
@@ -1,3 +1,4 @@ title
 same
--- old rule
+++ new rule
+diff --git a/x b/x
 last
@@ -10 +11 @@
-x
\\ No newline at end of file
+y
\\ No newline at end of file
`,
    files: [{ path: 'a.md', old_path: null, status: 'modified', additions: 3, deletions: 2, binary: false }],
  },
  {
    name: 'an added and a deleted file',
    patch: `diff --git a/new.txt b/new.txt
new file mode 100644
index 0..1
--- /dev/null
+++ b/new.txt
@@ -0,0 +1,2 @@
+one\r
+two\r
diff --git a/old.txt b/old.txt
deleted file mode 100644
index 1..0
--- a/old.txt
+++ /dev/null
@@ -1 +0,0 @@
-one
`,
    files: [
      { path: 'new.txt', old_path: null, status: 'added', additions: 2, deletions: 0, binary: false },
      { path: 'old.txt', old_path: null, status: 'deleted', additions: 0, deletions: 1, binary: false },
    ],
  },
  {
    name: 'an empty new file whose name holds spaces and " b/"',
    patch: 'diff --git a/x b/y z b/x b/y z\nnew file mode 100644\nindex 0..0\n',
    files: [{ path: 'x b/y z', old_path: null, status: 'added', additions: 0, deletions: 0, binary: false }],
  },
  {
    name: 'a rename, a copy and a change of mode',
    patch: `diff --git a/src/a.ts b/src/b.ts
similarity index 90%
rename from src/a.ts
rename to src/b.ts
index 1..2 100644
--- a/src/a.ts
+++ b/src/b.ts
@@ -1 +1 @@
-a
+b
diff --git a/c b/d
similarity index 100%
copy from c
copy to d
diff --git a/run.sh b/run.sh
old mode 100644
new mode 100755
`,
    files: [
      { path: 'src/b.ts', old_path: 'src/a.ts', status: 'renamed', additions: 1, deletions: 1, binary: false },
      { path: 'd', old_path: 'c', status: 'copied', additions: 0, deletions: 0, binary: false },
      { path: 'run.sh', old_path: null, status: 'mode_changed', additions: 0, deletions: 0, binary: false },
    ],
  },
  {
    name: 'quoted names, octal UTF-8 and raw UTF-8',
    patch: `diff --git "a/gr\\303\\274n \\"x\\"\\t.txt" "b/gr\\303\\274n \\"x\\"\\t.txt"
new file mode 100644
index 0..1
--- /dev/null
+++ "b/gr\\303\\274n \\"x\\"\\t.txt"
@@ -0,0 +1 @@
+ü
diff --git a/日本.txt b/日本.txt
deleted file mode 100644
index 0..0
diff --git a/with space.txt b/with space.txt
index 1..2 100644
--- a/with space.txt\t
+++ b/with space.txt\t
@@ -1 +1 @@
-a
+b
`,
    files: [
      { path: 'grün "x"\t.txt', old_path: null, status: 'added', additions: 1, deletions: 0, binary: false },
      { path: '日本.txt', old_path: null, status: 'deleted', additions: 0, deletions: 0, binary: false },
      { path: 'with space.txt', old_path: null, status: 'modified', additions: 1, deletions: 1, binary: false },
    ],
  },
  {
    name: 'binary patches, full and abridged',
    patch: `diff --git a/logo.png b/logo.png
new file mode 100755
index 0..1
GIT binary patch
literal 4
Lc$@(M0RR91

literal 0
HcmV?d00001

diff --git a/b.bin b/b.bin
old mode 100644
new mode 100755
index 1..2
Binary files a/b.bin and b/b.bin differ
`,
    files: [
      { path: 'logo.png', old_path: null, status: 'added', additions: 0, deletions: 0, binary: true },
      { path: 'b.bin', old_path: null, status: 'modified', additions: 0, deletions: 0, binary: true },
    ],
  },
];

describe('summariseDiff', () => {
  it.each(rows)('reads $name', async ({ patch, files }) => {
    const summary = await summarise(patch);
    expect(summary.files).toEqual(files);
    expect(summary.stats.files).toBe(files.length);
  });

  it('adds the lines of all files up', async () => {
    const all = await summarise(rows.map(({ patch }) => patch).join(''));
    expect(all.stats).toEqual({ files: 12, additions: 8, deletions: 5 });
  });
});
