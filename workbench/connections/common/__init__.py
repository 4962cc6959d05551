"""What every kind shares on its way to the other side: tries, deadlines, pools."""
