package io.millrace.executor.config;

/** What the direction z is drawn from. */
public enum Perturbation {
    /** Independent standard normals. */
    GAUSSIAN,
    /** Independent signs. */
    RADEMACHER,
    /** U Vᵀ / √rank for matrices, with V kept for a window of steps; normals elsewhere. */
    LOW_RANK
}
