"""Plans that hold capacity ready beside energy, solved by the interior point."""
