import { z } from 'zod';

export const FILE_CHANGES = ['added', 'modified', 'deleted', 'renamed', 'copied', 'mode_changed'] as const;

/** What `diff.patch` changes, file by file; of a binary file no lines are counted. */
export const diffSummarySchema = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      /** Where the file stood before; null unless it was renamed or copied. */
      old_path: z.string().nullable(),
      status: z.enum(FILE_CHANGES),
      additions: z.int(),
      deletions: z.int(),
      binary: z.boolean(),
    }),
  ),
  stats: z.object({ files: z.int(), additions: z.int(), deletions: z.int() }),
});
export type DiffSummary = z.output<typeof diffSummarySchema>;
export type FileChange = DiffSummary['files'][number];
