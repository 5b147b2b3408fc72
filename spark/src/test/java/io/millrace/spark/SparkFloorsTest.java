package io.millrace.spark;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** What runs in Spark's JVMs meets nothing else of Millrace; gRPC and Spark have a door each. */
@AnalyzeClasses(packages = "io.millrace", importOptions = ImportOption.DoNotIncludeTests.class)
final class SparkFloorsTest {
    @ArchTest
    static final ArchRule grpcOnlyInTheLink =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.spark.link..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("io.grpc..");

    @ArchTest
    static final ArchRule sparkOnlyInTheJob =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.spark.job..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("org.apache.spark..");

    @ArchTest
    static final ArchRule whatSparkLoadsIsByItself =
            classes()
                    .that()
                    .resideInAnyPackage("io.millrace.spark.job..", "io.millrace.spark.keeper..")
                    .should()
                    .onlyDependOnClassesThat(
                            resideInAnyPackage(
                                    "io.millrace.spark.job..",
                                    "io.millrace.spark.keeper..",
                                    "org.apache.spark..",
                                    "scala..",
                                    "java.."));

    @ArchTest
    static final ArchRule nobodyElseKnowsTheModule =
            noClasses()
                    .that()
                    .resideOutsideOfPackage("io.millrace.spark..")
                    .should()
                    .dependOnClassesThat()
                    .resideInAPackage("io.millrace.spark..");
}
