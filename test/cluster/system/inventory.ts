import { type Kubectl, mustSay } from '../../support/kubectl.ts';

/** Come and go by themselves. */
const PASSING = /^(events|leases)\b/;
const LINE = '{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\\n"}{end}';

/** Kind, namespace and name of every object of the cluster, of whatever kinds the API server has. */
export const inventoryOf = async (kubectl: Kubectl): Promise<readonly string[]> => {
  const kinds = (await mustSay(kubectl(['api-resources', '--verbs=list', '-o', 'name']))).split('\n');
  const listed = kinds.filter((kind) => kind !== '' && !PASSING.test(kind));
  const said = await mustSay(kubectl(['get', listed.join(','), '--all-namespaces', '-o', `jsonpath=${LINE}`]));
  return said.split('\n').filter((line) => line !== '');
};
