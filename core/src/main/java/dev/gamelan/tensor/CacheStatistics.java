package dev.gamelan.tensor;

/**
 * What a cache of compiled graphs did.
 *
 * @param runs executables run, whether found or compiled
 */
public record CacheStatistics(long hits, long misses, long runs, long compileNanos) {}
