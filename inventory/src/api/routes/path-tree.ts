interface Node<Of> {
  readonly named: Map<string, Node<Of>>;
  /** Below any segment; what it is called is for each path to say. */
  any: Node<Of> | undefined;
  readonly here: Map<string, Standing<Of>>;
}

interface Standing<Of> {
  readonly value: Of;
  readonly parameters: readonly string[];
}

export interface Found<Of> {
  readonly value: Of;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What stands at paths with parameters, by method. A name goes before a parameter, where there is something for the method. */
export class PathTree<Of> {
  readonly #root: Node<Of> = nothing();

  /** `path` begins with a slash; parameters as `{resourceId}`. Throws TypeError when something stands there already. */
  add(method: string, path: string, value: Of): void {
    const parameters: string[] = [];
    let node = this.#root;
    for (const segment of path.split("/").slice(1)) {
      const parameter = /^\{(\w+)\}$/.exec(segment)?.[1];
      if (parameter === undefined) {
        const next = node.named.get(segment) ?? nothing<Of>();
        node.named.set(segment, next);
        node = next;
      } else {
        parameters.push(parameter);
        node.any ??= nothing();
        node = node.any;
      }
    }
    if (node.here.has(method)) throw new TypeError(`${method} ${path} is there twice`);
    node.here.set(method, { value, parameters });
  }

  find(method: string, segments: readonly string[]): Found<Of> | undefined {
    const search = { method, segments, values: [] };
    const standing = standingBelow(this.#root, 0, search);
    if (standing === undefined) return undefined;
    const parameters: Record<string, string> = {};
    for (const [at, name] of standing.parameters.entries()) parameters[name] = search.values[at] ?? "";
    return { value: standing.value, parameters };
  }

  /** The methods with which something stands at a path. */
  methodsAt(segments: readonly string[]): string[] {
    return [...new Set(placesBelow(this.#root, segments).flatMap(({ here }) => [...here.keys()]))];
  }
}

function nothing<Of>(): Node<Of> {
  return { named: new Map(), any: undefined, here: new Map() };
}

interface Search {
  readonly method: string;
  readonly segments: readonly string[];
  /** Of the parameters on the way; complete when something is found. */
  readonly values: string[];
}

/** Every request comes by here: nothing is copied on the way. */
function standingBelow<Of>(node: Node<Of>, at: number, search: Search): Standing<Of> | undefined {
  const segment = search.segments[at];
  if (segment === undefined) return node.here.get(search.method);
  const named = node.named.get(segment);
  const found = named && standingBelow(named, at + 1, search);
  if (found || !node.any) return found;
  search.values.push(segment);
  const standing = standingBelow(node.any, at + 1, search);
  if (!standing) search.values.pop();
  return standing;
}

/** All to which a path leads, whatever the method. */
function placesBelow<Of>(node: Node<Of>, [segment, ...further]: readonly string[]): Node<Of>[] {
  if (segment === undefined) return [node];
  const next = [node.named.get(segment), node.any];
  return next.flatMap((each) => (each ? placesBelow(each, further) : []));
}
