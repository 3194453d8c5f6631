export interface IndexedSubscription {
  readonly clientId: string;
  readonly topic: string;
  readonly qos: number;
}

interface Level<Subscription> {
  readonly below: Map<string, Level<Subscription>>;
  readonly here: Map<string, Subscription>;
}

/** Who has subscribed to a topic, found level by level: a thousand hosts' filters cost a publication no more than one. */
export class SubscriptionIndex<Subscription extends IndexedSubscription> {
  readonly #root: Level<Subscription> = { below: new Map(), here: new Map() };
  #size = 0;

  get size(): number {
    return this.#size;
  }

  set(subscription: Subscription): void {
    let level = this.#root;
    for (const name of subscription.topic.split("/")) {
      const next: Level<Subscription> = level.below.get(name) ?? { below: new Map(), here: new Map() };
      level.below.set(name, next);
      level = next;
    }
    if (!level.here.has(subscription.clientId)) this.#size++;
    level.here.set(subscription.clientId, subscription);
  }

  delete(clientId: string, filter: string): void {
    const path: { readonly parent: Level<Subscription>; readonly name: string }[] = [];
    let level = this.#root;
    for (const name of filter.split("/")) {
      const next = level.below.get(name);
      if (next === undefined) return;
      path.push({ parent: level, name });
      level = next;
    }
    if (level.here.delete(clientId)) this.#size--;
    for (const { parent, name } of path.reverse()) {
      const child = parent.below.get(name);
      if (child && child.here.size === 0 && child.below.size === 0) parent.below.delete(name);
    }
  }

  /** Every subscription whose filter matches, MQTT 3.1.1 §4.7; those ending in # first. */
  matching(topic: string): Subscription[] {
    const found: Subscription[] = [];
    const levels = topic.split("/");
    const visit = (level: Level<Subscription>, depth: number): void => {
      // §4.7.2: a wildcard at the start does not match what begins with $.
      const wild = depth > 0 || !topic.startsWith("$");
      if (wild) found.push(...(level.below.get("#")?.here.values() ?? []));
      const name = levels[depth];
      if (name === undefined) {
        found.push(...level.here.values());
        return;
      }
      const exact = level.below.get(name);
      if (exact) visit(exact, depth + 1);
      const any = wild ? level.below.get("+") : undefined;
      if (any) visit(any, depth + 1);
    };
    visit(this.#root, 0);
    return found;
  }
}
