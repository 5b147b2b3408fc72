/**
 * The workers of one run, where it is spread over several: how they meet and what they tell each
 * other. What a worker says is a few doubles a step; every worker folds the same update from the
 * same scalars, so nothing else needs to travel. Imports nothing of the executor: who carries the
 * words (threads, processes, machines) is the caller's.
 */
package io.millrace.executor.peer;
