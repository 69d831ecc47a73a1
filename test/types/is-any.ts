export type IsAny<T> = 0 extends 1 & T ? true : false

/** Compiles only when the condition is `true`. */
export declare function assertType<_Condition extends true>(): void
/** Compiles only when the condition is `false`. */
export declare function assertNot<_Condition extends false>(): void
